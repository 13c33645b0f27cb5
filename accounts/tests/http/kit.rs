//! A server of accounts without sockets, and people with browsers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use accounts::{Accounts, Clock};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::{Value, json};
use service::Config;
use service::config::{AccountsConfig, LimitConfig};
use store::testing::TestDb;
use tower::ServiceExt;

/// A password that is fine.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Where the pages of the server are.
pub(crate) const ORIGIN: &str = "http://localhost:7880";

/// A server on one database, at a time that the test says.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) accounts: Accounts,
    pub(crate) registry: Registry,
    pub(crate) db: TestDb,
    microseconds: Arc<AtomicI64>,
}

/// Makes one on each database.
pub(crate) async fn worlds() -> Vec<World> {
    worlds_with(|_| {}).await
}

/// Makes one on each database, with another configuration.
pub(crate) async fn worlds_with(change: impl Fn(&mut Config)) -> Vec<World> {
    let mut worlds = Vec::new();
    for db in store::testing::databases().await {
        eprintln!("on {}", db.name);
        let mut config = Config {
            dev: true,
            accounts: AccountsConfig {
                password_memory_kib: 64,
                password_iterations: 1,
                ..AccountsConfig::default()
            },
            limit: LimitConfig {
                requests_per_minute: 100_000,
                login_per_minute: 100_000,
                login_account_per_minute: 100_000,
                login_address_per_minute: 100_000,
                mails_per_recipient_per_hour: 100_000,
                mails_per_address_per_hour: 100_000,
                ..LimitConfig::default()
            },
            ..Config::default()
        };
        change(&mut config);
        worlds.push(World::start(db, config).await);
    }
    worlds
}

impl World {
    async fn start(db: TestDb, config: Config) -> Self {
        let microseconds = Arc::new(AtomicI64::new(1_800_000_000_000_000));
        let told = Arc::clone(&microseconds);
        let clock = Clock::new(move || {
            // Time goes on a little with each look, so that what is later sorts later.
            let now = told.fetch_add(1, Ordering::SeqCst);
            Timestamp::from_microsecond(now).unwrap()
        });
        let registry = Registry::new();
        let config = Arc::new(config);
        let accounts = Accounts::open(db.clone(), config, ORIGIN, &registry, clock);
        let accounts = accounts.await.unwrap();
        let router = accounts::routes(&accounts, &registry).unwrap();
        Self {
            router: service::http::with_common_layers(router, 100_000),
            accounts,
            registry,
            db,
            microseconds,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, span: SignedDuration) {
        let microseconds = i64::try_from(span.as_micros()).unwrap();
        self.microseconds.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.microseconds.load(Ordering::SeqCst)).unwrap()
    }

    /// Opens a browser.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookie: None,
            token: None,
            address: [192, 0, 2, 7].into(),
            origin: Some(ORIGIN.to_owned()),
        }
    }

    /// Lists the mails to an address, the newest first: subject and text.
    pub(crate) async fn mails(&self, to: &str) -> Vec<(String, String)> {
        let answer = self.browser().get("/api/v1/dev/mails").await;
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap().to_owned();
        answer.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|mail| mail["to"] == to)
            .map(|mail| (text(mail, "subject"), text(mail, "text")))
            .collect()
    }

    /// Takes the token from the link in the newest mail to an address.
    pub(crate) async fn mailed_token(&self, to: &str) -> String {
        let (_, text) = self.mails(to).await.into_iter().next().unwrap();
        let (_, token) = text.split_once("?token=").unwrap();
        token.split_whitespace().next().unwrap().to_owned()
    }

    /// Sets the server up and returns the owner's browser.
    pub(crate) async fn owner(&self) -> Browser<'_> {
        let link = self.accounts.setup_link().await.unwrap().unwrap();
        let (_, token) = link.split_once("/setup?token=").unwrap();
        let mut browser = self.browser();
        let mut body = form("owner@example.org", "Olga Owner");
        body["token"] = json!(token);
        let answer = browser.post("/api/v1/setup", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        browser
    }

    /// Registers somebody, verifies the address, and returns the browser that is signed in.
    pub(crate) async fn person(&self, email: &str, name: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser
            .post("/api/v1/auth/register", form(email, name))
            .await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let token = self.mailed_token(email).await;
        let body = json!({"token": token});
        let answer = browser.post("/api/v1/auth/verify-email", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser
    }

    /// Reads the sum of a metric.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(prometheus::proto::MetricFamily::get_metric);
        metrics
            .unwrap_or_default()
            .iter()
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }
}

/// Returns a form that is fine.
pub(crate) fn form(email: &str, name: &str) -> Value {
    json!({
        "email": email,
        "password": PASSWORD,
        "name": name,
        "locale": "en",
        "time_zone": "Europe/Berlin",
    })
}

/// Returns what signs in.
pub(crate) fn login(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the code of a problem; empty for anything else.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Returns the fields that are wrong, with their codes.
    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        let text = |error: &'_ Value, name: &str| error[name].as_str().map(str::len);
        let errors = self.body["errors"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        assert!(errors.iter().all(|error| text(error, "message") > Some(0)));
        errors
            .iter()
            .map(|error| {
                (
                    error["field"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// Asserts a problem.
    #[track_caller]
    pub(crate) fn assert(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
    }
}

/// A browser: keeps the cookie and the access token, as the web client does.
#[derive(Clone)]
pub(crate) struct Browser<'w> {
    pub(crate) world: &'w World,
    pub(crate) cookie: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) address: std::net::IpAddr,
    pub(crate) origin: Option<String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, Value::Null, &[]).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body, &[]).await
    }

    pub(crate) async fn put(&mut self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, body, &[]).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, Value::Null, &[]).await
    }

    /// Signs in.
    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/login", login(email, password))
            .await
    }

    /// Exchanges the cookie.
    pub(crate) async fn refresh(&mut self) -> Answer {
        self.post("/api/v1/auth/refresh", Value::Null).await
    }

    /// Returns the id of the account.
    pub(crate) async fn id(&mut self) -> String {
        let answer = self.get("/api/v1/auth/user").await;
        answer.assert_status(200);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Sends a request and keeps what the answer gives.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = self.send_and_forget(method, path, body, headers).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let is_gone = cookie.ends_with('=');
            self.cookie = (!is_gone).then(|| cookie.to_owned());
        }
        if let Some(token) = answer.body["access_token"].as_str() {
            self.token = Some(token.to_owned());
        }
        answer
    }

    /// Sends a request whose answer gets lost on the way to the browser.
    pub(crate) async fn send_and_forget(
        &self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:7880")
            .header("user-agent", "Test browser")
            .header("x-requested-with", "clapt")
            .extension(ConnectInfo(SocketAddr::new(self.address, 4000)));
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(cookie) = &self.cookie
            && path.starts_with("/api/v1/auth")
        {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request.headers_mut().unwrap().remove(*name);
            if !value.is_empty() {
                request = request.header(*name, *value);
            }
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        let request = request.body(body).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}
