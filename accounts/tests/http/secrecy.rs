//! Answers to those who are not signed in don't tell whether an account exists.

use serde_json::{Value, json};

use crate::kit::{PASSWORD, World, form, login, worlds};

const HASHES: &str = "clapt_accounts_password_hashes_total";

/// Status, headers that are sent, and body without the request's own id; and how much was hashed.
async fn seen(world: &World, path: &str, body: Value) -> (u16, Vec<String>, Value, f64) {
    let before = world.metric(HASHES);
    let mut answer = world.browser().post(path, body).await;
    if let Some(body) = answer.body.as_object_mut() {
        body.remove("request_id");
    }
    let names = answer.headers.keys().map(ToString::to_string).collect();
    (
        answer.status,
        names,
        answer.body,
        world.metric(HASHES) - before,
    )
}

#[tokio::test]
async fn signing_in_tells_an_unknown_address_from_a_wrong_password_by_nothing() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let path = "/api/v1/auth/login";

        let wrong = seen(&world, path, login("ana@example.org", "not the password")).await;
        let unknown = seen(&world, path, login("bob@example.org", "not the password")).await;
        let no_address = seen(&world, path, login("?", "not the password")).await;
        let endless = seen(&world, path, login("ana@example.org", &"x".repeat(5000))).await;

        assert_eq!(wrong.0, 401);
        assert!((wrong.3 - 1.0).abs() < f64::EPSILON, "one hash");
        assert_eq!(wrong, unknown);
        assert_eq!(wrong, no_address);
        assert_eq!(wrong, endless);
    }
}

#[tokio::test]
async fn only_the_right_password_shows_that_an_account_is_blocked_or_waits() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let id = world.person("ana@example.org", "Ana").await.id().await;
        let path = format!("/api/v1/admin/users/{id}/block");
        owner
            .post(&path, json!({"reason": "spam"}))
            .await
            .assert_status(200);
        let bob = form("bob@example.org", "Bob");
        world
            .browser()
            .post("/api/v1/auth/register", bob)
            .await
            .assert_status(202);
        let path = "/api/v1/auth/login";
        let unknown = seen(&world, path, login("eve@example.org", "not the password")).await;

        for (email, code) in [
            ("ana@example.org", "account-blocked"),
            ("bob@example.org", "email-unverified"),
        ] {
            let wrong = seen(&world, path, login(email, "not the password")).await;
            assert_eq!(wrong, unknown, "{email}");
            world
                .browser()
                .sign_in(email, PASSWORD)
                .await
                .assert(403, code);
        }
    }
}

#[tokio::test]
async fn registering_answers_alike_and_the_mail_tells_the_difference() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let path = "/api/v1/auth/register";

        let known = seen(&world, path, form("ana@example.org", "Anna")).await;
        let unknown = seen(&world, path, form("bob@example.org", "Bob")).await;

        assert_eq!(known.0, 202);
        assert_eq!(known, unknown);
        assert_eq!(
            world.mails("ana@example.org").await[0].0,
            "You have an account already"
        );
        assert_eq!(
            world.mails("bob@example.org").await[0].0,
            "Confirm your e-mail address"
        );
        // The account is as it was.
        let answer = world.browser().sign_in("ana@example.org", PASSWORD).await;
        assert_eq!(answer.body["user"]["name"], "Ana");
    }
}

#[tokio::test]
async fn a_forgotten_password_answers_alike() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let path = "/api/v1/auth/password/forgot";

        let known = seen(&world, path, json!({"email": "ana@example.org"})).await;
        let unknown = seen(&world, path, json!({"email": "bob@example.org"})).await;

        assert_eq!(known.0, 202);
        assert_eq!(known, unknown);
        assert!(world.mails("bob@example.org").await.is_empty());
    }
}
