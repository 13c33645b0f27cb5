//! Every limit that people can run into, hit.

use serde_json::json;

use crate::kit::{PASSWORD, World, form, worlds_with};

#[tokio::test]
async fn passwords_are_tried_only_so_often_with_and_without_an_account() {
    for world in worlds_with(|config| config.limit.login_per_minute = 3).await {
        world.person("ana@example.org", "Ana").await;
        for email in ["ana@example.org", "nobody@example.org"] {
            for _ in 0..3 {
                world
                    .browser()
                    .sign_in(email, "not the password")
                    .await
                    .assert(401, "credentials-invalid");
            }

            let refused = world.browser().sign_in(email, PASSWORD).await;

            refused.assert(429, "too-many-requests");
            assert_eq!(refused.headers["retry-after"], "20");
        }
        let mut elsewhere = world.browser();
        elsewhere.address = [198, 51, 100, 4].into();
        elsewhere
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        assert!(world.metric("clapt_accounts_refused_total") > 1.0);
    }
}

#[tokio::test]
async fn one_account_is_tried_only_so_often_from_many_addresses() {
    for world in worlds_with(|config| config.limit.login_account_per_minute = 3).await {
        for host in 1..=3 {
            let mut browser = world.browser();
            browser.address = [198, 51, 100, host].into();
            browser
                .sign_in("ana@example.org", "not the password")
                .await
                .assert(401, "credentials-invalid");
        }

        let mut browser = world.browser();
        browser
            .sign_in("ana@example.org", "x")
            .await
            .assert(429, "too-many-requests");
        browser
            .sign_in("bob@example.org", "x")
            .await
            .assert(401, "credentials-invalid");
    }
}

#[tokio::test]
async fn one_address_tries_only_so_many_accounts() {
    for world in worlds_with(|config| config.limit.login_address_per_minute = 3).await {
        let mut browser = world.browser();
        browser.address = "2001:db8::1".parse().unwrap();
        for number in 0..3 {
            let answer = browser.sign_in(&format!("{number}@example.org"), "x").await;
            answer.assert(401, "credentials-invalid");
        }

        browser.address = "2001:db8::2".parse().unwrap();
        browser
            .sign_in("4@example.org", "x")
            .await
            .assert(429, "too-many-requests");
        browser.address = "2001:db8:0:1::2".parse().unwrap();
        browser
            .sign_in("4@example.org", "x")
            .await
            .assert(401, "credentials-invalid");
    }
}

async fn forgot(world: &World, email: &str, host: u8) -> u16 {
    let mut browser = world.browser();
    browser.address = [198, 51, 100, host].into();
    let body = json!({"email": email});
    browser
        .post("/api/v1/auth/password/forgot", body)
        .await
        .status
}

#[tokio::test]
async fn nobody_gets_more_mails_than_allowed_from_those_who_are_not_signed_in() {
    for world in worlds_with(|config| config.limit.mails_per_recipient_per_hour = 3).await {
        let body = form("ana@example.org", "Ana");
        world
            .browser()
            .post("/api/v1/auth/register", body.clone())
            .await
            .assert_status(202);
        for host in 1..=2 {
            assert_eq!(forgot(&world, "ana@example.org", host).await, 202);
        }

        assert_eq!(forgot(&world, "Ana@Example.org", 3).await, 429);
        world
            .browser()
            .post("/api/v1/auth/register", body)
            .await
            .assert(429, "too-many-requests");
        assert_eq!(forgot(&world, "bob@example.org", 3).await, 202);
    }
}

#[tokio::test]
async fn nobody_causes_more_mails_than_allowed() {
    for world in worlds_with(|config| config.limit.mails_per_address_per_hour = 3).await {
        for number in 0..3 {
            assert_eq!(
                forgot(&world, &format!("{number}@example.org"), 1).await,
                202
            );
        }

        assert_eq!(forgot(&world, "4@example.org", 1).await, 429);
        assert_eq!(forgot(&world, "4@example.org", 2).await, 202);
    }
}

#[tokio::test]
async fn a_stolen_session_tries_the_password_only_so_often() {
    for world in worlds_with(|config| config.limit.login_per_minute = 3).await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let body = json!({"current": "not the password", "new": "seven quiet parrots"});
        for _ in 0..3 {
            let answer = ana.post("/api/v1/account/password", body.clone()).await;
            answer.assert(401, "credentials-invalid");
        }

        let answer = ana.post("/api/v1/account/password", body).await;

        answer.assert(429, "too-many-requests");
    }
}
