//! How often people may try passwords and cause mails.
//!
//! Keys are the address of the client (a /64 of IPv6) and the e-mail address as it was typed, whether or
//! not there is an account: so a limit tells nothing.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use service::ApiError;
use service::config::LimitConfig;
use service::rate::{Rate, RateTable, network_of};

use crate::metrics::Metrics;

/// The rates of those who prove who they are.
#[derive(Debug)]
pub(crate) struct Limits {
    table: RateTable,
    login: Rate,
    login_account: Rate,
    login_address: Rate,
    mails_recipient: Rate,
    mails_address: Rate,
}

impl Limits {
    pub(crate) fn new(limit: &LimitConfig) -> Self {
        Self {
            table: RateTable::new(limit.rate_keys_max),
            login: Rate::per_minute(limit.login_per_minute),
            login_account: Rate::per_minute(limit.login_account_per_minute),
            login_address: Rate::per_minute(limit.login_address_per_minute),
            mails_recipient: Rate::per_hour(limit.mails_per_recipient_per_hour),
            mails_address: Rate::per_hour(limit.mails_per_address_per_hour),
        }
    }

    /// Takes one try of a password or a code of `account`, an e-mail address or an id.
    ///
    /// # Errors
    ///
    /// The answer 429.
    pub(crate) fn login(
        &self,
        account: &str,
        address: IpAddr,
        metrics: &Metrics,
        now: Instant,
    ) -> Result<(), ApiError> {
        let address = network_of(address);
        // The narrow one comes first: whom it stops spends nothing of the others.
        let take = |limit, result: Result<(), Duration>| passed(limit, result, metrics);
        let table = &self.table;
        take(
            "login",
            table.take(("login", account, address), self.login, now),
        )?;
        let key = ("login-address", address);
        take("login-address", table.take(key, self.login_address, now))?;
        let key = ("login-account", account);
        take("login-account", table.take(key, self.login_account, now))
    }

    /// Takes one mail to `recipient`, caused by somebody at `address`.
    ///
    /// # Errors
    ///
    /// The answer 429.
    pub(crate) fn mail(
        &self,
        recipient: &str,
        address: IpAddr,
        metrics: &Metrics,
        now: Instant,
    ) -> Result<(), ApiError> {
        let address = network_of(address);
        let take = |limit, result: Result<(), Duration>| passed(limit, result, metrics);
        let key = ("mails-recipient", recipient);
        take(
            "mails-recipient",
            self.table.take(key, self.mails_recipient, now),
        )?;
        let key = ("mails-address", address);
        take(
            "mails-address",
            self.table.take(key, self.mails_address, now),
        )
    }
}

fn passed(
    limit: &'static str,
    result: Result<(), Duration>,
    metrics: &Metrics,
) -> Result<(), ApiError> {
    result.map_err(|wait| {
        metrics.refuse(limit);
        ApiError::too_many_requests(wait)
    })
}
