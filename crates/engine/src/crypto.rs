//! Keys and ciphers that all sessions share.
//!
//! A DTLS configuration takes about a millisecond to build, so there is one of it per process. There is
//! one certificate per engine: clients check it by the fingerprint in our SDP.
//!
//! str0m keeps the SRTP keys of a handshake to itself. The DTLS connection that it asks us for lets us
//! see them: each has a mailbox, which its session empties when the handshake is done.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};

use crate::srtp::{MasterKeys, Profile};

static DTLS: SharedDtls = SharedDtls;
static DTLS_CONFIG: OnceLock<Arc<dimpl::Config>> = OnceLock::new();
static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();

/// Gives the ciphers for all sessions.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let provider = PROVIDER.get_or_init(|| {
        let mut provider = str0m::crypto::from_feature_flags();
        provider.dtls_provider = &DTLS;
        Arc::new(provider)
    });
    Arc::clone(provider)
}

thread_local! {
    /// The mailbox of the connection made last. The provider has to be one for all sessions, so what it
    /// makes can be told to whom it is made for only on the way back.
    static LAST_MAILBOX: RefCell<Option<KeyMailbox>> = const { RefCell::new(None) };
}

/// Where a DTLS connection leaves its SRTP keys. Closed if there is no connection.
#[derive(Debug, Default)]
pub(crate) struct KeyMailbox(Option<Receiver<MasterKeys>>);

impl KeyMailbox {
    /// Takes the keys out: once, as soon as the handshake has agreed on them.
    pub(crate) fn take(&mut self) -> Option<MasterKeys> {
        self.0.as_ref()?.try_recv().ok()
    }
}

/// Runs `build`, which makes one peer connection, and gives the mailbox of its DTLS connection.
pub(crate) fn with_mailbox<T>(build: impl FnOnce() -> T) -> (T, KeyMailbox) {
    LAST_MAILBOX.take();
    let made = build();
    (made, LAST_MAILBOX.take().unwrap_or_default())
}

/// Gives these ciphers to all sessions of the process; `false` if it has some already.
#[cfg(feature = "testing")]
pub(crate) fn install(provider: CryptoProvider) -> bool {
    PROVIDER.set(Arc::new(provider)).is_ok()
}

/// Makes a self-signed certificate (ECDSA P-256).
pub(crate) fn certificate() -> DtlsCert {
    DTLS.generate_certificate()
        .expect("a key pair can be generated")
}

#[derive(Debug)]
struct SharedDtls;

impl DtlsProvider for SharedDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = DTLS_CONFIG.get_or_init(|| {
            // ICE has already shown that packets reach the client, so cookies add nothing.
            let config = dimpl::Config::builder().use_server_cookie(false).build();
            Arc::new(config.expect("the default DTLS configuration is valid"))
        });
        // Version 1.2: a 1.3 server takes the client's first SRTP profile, this one prefers GCM.
        let dtls = dimpl::Dtls::new_12(Arc::clone(config), certificate.clone(), now);
        let (keys, mailbox) = sync_channel(1);
        LAST_MAILBOX.set(Some(KeyMailbox(Some(mailbox))));
        Ok(Box::new(Connection { dtls, keys }))
    }
}

struct Connection {
    dtls: dimpl::Dtls,
    keys: SyncSender<MasterKeys>,
}

impl Connection {
    /// Leaves the keys of the handshake in the mailbox. Nobody may want them any more: then they go.
    fn post(&self, material: &[u8], profile: SrtpProfile) {
        let keys = Profile::of_handshake(profile)
            .and_then(|profile| MasterKeys::of_material(profile, material, self.dtls.is_active()));
        if let Some(keys) = keys {
            let _ = self.keys.try_send(keys);
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connection")
    }
}

impl DtlsInstance for Connection {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.dtls.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.post(material, *profile);
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
