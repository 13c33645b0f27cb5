//! Authenticator apps and recovery codes.

use hmac_codes::code_at;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::kit::{Browser, PASSWORD, World, worlds};

/// Codes as an app makes them, from the secret that it was given.
mod hmac_codes {
    use totp_rs::{Builder, Secret};

    pub(crate) fn code_at(secret: &str, seconds: i64) -> String {
        let secret = Secret::try_from_base32(secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        totp.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

/// Somebody with an app: browser, secret, recovery codes.
async fn with_app(world: &World) -> (Browser<'_>, String, Vec<String>) {
    let mut ana = world.person("ana@example.org", "Ana").await;
    let begun = ana.post("/api/v1/account/totp", Value::Null).await;
    begun.assert_status(200);
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    assert!(begun.body["uri"].as_str().unwrap().contains(&secret));
    let code = code_at(&secret, world.now().as_second());
    let confirmed = ana
        .post("/api/v1/account/totp/confirm", json!({"code": code}))
        .await;
    confirmed.assert_status(200);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    let codes = codes
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    (ana, secret, codes)
}

fn login(code: &str) -> Value {
    json!({"email": "ana@example.org", "password": PASSWORD, "code": code})
}

const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn signing_in_takes_a_code_which_works_once() {
    for world in worlds().await {
        let (mut ana, secret, _) = with_app(&world).await;
        assert_eq!(ana.get("/api/v1/auth/user").await.body["two_factor"], true);
        let first = code_at(&secret, world.now().as_second());
        world
            .browser()
            .post(LOGIN, login(&first))
            .await
            .assert(401, "code-invalid");
        world.pass(SignedDuration::from_secs(30));
        let code = code_at(&secret, world.now().as_second());

        let without = world.browser().sign_in("ana@example.org", PASSWORD).await;
        let wrong = world.browser().post(LOGIN, login("000000")).await;
        let right = world.browser().post(LOGIN, login(&code)).await;
        let again = world.browser().post(LOGIN, login(&code)).await;

        without.assert(401, "second-factor-required");
        wrong.assert(401, "code-invalid");
        right.assert_status(200);
        again.assert(401, "code-invalid");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_before_any_code_is_asked_for() {
    for world in worlds().await {
        with_app(&world).await;

        let answer = world
            .browser()
            .sign_in("ana@example.org", "not the password")
            .await;

        answer.assert(401, "credentials-invalid");
    }
}

#[tokio::test]
async fn a_code_that_comes_twice_at_once_opens_one_session() {
    for world in worlds().await {
        let (_, secret, _) = with_app(&world).await;
        world.pass(SignedDuration::from_secs(30));
        let code = code_at(&secret, world.now().as_second());
        let (mut one, mut other) = (world.browser(), world.browser());

        let answers = tokio::join!(
            one.post(LOGIN, login(&code)),
            other.post(LOGIN, login(&code))
        );

        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
}

#[tokio::test]
async fn ten_recovery_codes_work_once_each() {
    for world in worlds().await {
        let (_, _, codes) = with_app(&world).await;
        assert_eq!(codes.len(), 10);
        for code in &codes {
            world
                .browser()
                .post(LOGIN, login(&code.to_lowercase()))
                .await
                .assert_status(200);
            world
                .browser()
                .post(LOGIN, login(code))
                .await
                .assert(401, "code-invalid");
        }
    }
}

#[tokio::test]
async fn turning_it_off_takes_the_password_and_a_code() {
    for world in worlds().await {
        let (mut ana, secret, codes) = with_app(&world).await;
        world.pass(SignedDuration::from_secs(30));
        ana.refresh().await.assert_status(200);
        let code = code_at(&secret, world.now().as_second());
        let path = "/api/v1/account/totp";
        let remove = |password: &str, code: &str| json!({"password": password, "code": code});

        let wrong = ana
            .send("DELETE", path, remove("not the password", &code), &[])
            .await;
        let no_code = ana
            .send("DELETE", path, remove(PASSWORD, "000000"), &[])
            .await;
        let begun_again = ana.post(path, Value::Null).await;
        let right = ana.send("DELETE", path, remove(PASSWORD, &code), &[]).await;
        let again = ana
            .send("DELETE", path, remove(PASSWORD, &codes[0]), &[])
            .await;

        wrong.assert(401, "credentials-invalid");
        no_code.assert(401, "code-invalid");
        begun_again.assert(409, "conflict");
        right.assert_status(204);
        again.assert(409, "conflict");
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        let subjects: Vec<String> = world
            .mails("ana@example.org")
            .await
            .into_iter()
            .map(|(subject, _)| subject)
            .collect();
        assert_eq!(
            subjects[..2],
            ["Two-step sign-in is off", "Two-step sign-in is on"]
        );
    }
}

#[tokio::test]
async fn a_secret_that_was_not_confirmed_asks_for_nothing() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let early = ana
            .post("/api/v1/account/totp/confirm", json!({"code": "123456"}))
            .await;
        early.assert(409, "conflict");
        let begun = ana.post("/api/v1/account/totp", Value::Null).await;
        begun.assert_status(200);

        let wrong = ana
            .post("/api/v1/account/totp/confirm", json!({"code": "x"}))
            .await;

        wrong.assert(401, "code-invalid");
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
    }
}
