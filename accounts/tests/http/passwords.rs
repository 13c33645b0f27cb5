//! Forgotten, set anew, changed.

use jiff::SignedDuration;
use serde_json::json;

use crate::kit::{PASSWORD, worlds};

const NEW: &str = "seven quiet parrots";
const RESET: &str = "/api/v1/auth/password/reset";

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_a_link_which_ends_all_sessions() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let forgot = json!({"email": "ANA@example.org"});
        let answer = world
            .browser()
            .post("/api/v1/auth/password/forgot", forgot)
            .await;
        answer.assert_status(202);
        let token = world.mailed_token("ana@example.org").await;

        let weak = world
            .browser()
            .post(RESET, json!({"token": token, "password": "1234567890"}))
            .await;
        let fine = world
            .browser()
            .post(RESET, json!({"token": token, "password": NEW}))
            .await;
        let again = world
            .browser()
            .post(RESET, json!({"token": token, "password": NEW}))
            .await;

        weak.assert(400, "invalid-argument");
        assert_eq!(weak.fields(), [("password", "common")]);
        fine.assert_status(204);
        again.assert(400, "link-invalid");
        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.refresh().await.assert(401, "session-ended");
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert(401, "credentials-invalid");
        world
            .browser()
            .sign_in("ana@example.org", NEW)
            .await
            .assert_status(200);
        assert_eq!(
            world.mails("ana@example.org").await[0].0,
            "Your password was changed"
        );
    }
}

#[tokio::test]
async fn of_several_links_any_one_works_and_then_none_does() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let forgot = json!({"email": "ana@example.org"});
            world
                .browser()
                .post("/api/v1/auth/password/forgot", forgot)
                .await
                .assert_status(202);
            tokens.push(world.mailed_token("ana@example.org").await);
        }

        let first = world
            .browser()
            .post(RESET, json!({"token": tokens[0], "password": NEW}))
            .await;
        let second = world
            .browser()
            .post(RESET, json!({"token": tokens[1], "password": NEW}))
            .await;

        first.assert_status(204);
        second.assert(400, "link-invalid");
    }
}

#[tokio::test]
async fn two_who_follow_one_link_at_once_set_one_password() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let forgot = json!({"email": "ana@example.org"});
        world
            .browser()
            .post("/api/v1/auth/password/forgot", forgot)
            .await
            .assert_status(202);
        let token = world.mailed_token("ana@example.org").await;
        let (mut one, mut other) = (world.browser(), world.browser());

        let answers = tokio::join!(
            one.post(RESET, json!({"token": token, "password": NEW})),
            other.post(
                RESET,
                json!({"token": token, "password": "another fine password"})
            )
        );

        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400]);
    }
}

#[tokio::test]
async fn a_link_for_a_new_password_runs_out() {
    for world in worlds().await {
        world.person("ana@example.org", "Ana").await;
        let forgot = json!({"email": "ana@example.org"});
        world
            .browser()
            .post("/api/v1/auth/password/forgot", forgot)
            .await
            .assert_status(202);
        let token = world.mailed_token("ana@example.org").await;
        world.pass(SignedDuration::from_mins(31));

        let answer = world
            .browser()
            .post(RESET, json!({"token": token, "password": NEW}))
            .await;

        answer.assert(400, "link-invalid");
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_only() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut phone = world.browser();
        phone
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        let path = "/api/v1/account/password";

        let wrong = ana
            .post(path, json!({"current": "not my password", "new": NEW}))
            .await;
        let weak = ana
            .post(path, json!({"current": PASSWORD, "new": "ana@example.org"}))
            .await;
        let fine = ana
            .post(path, json!({"current": PASSWORD, "new": NEW}))
            .await;

        wrong.assert(401, "credentials-invalid");
        weak.assert(400, "invalid-argument");
        assert_eq!(weak.fields(), [("new", "personal")]);
        fine.assert_status(204);
        phone
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.get("/api/v1/auth/user").await.assert_status(200);
        ana.refresh().await.assert_status(200);
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert(401, "credentials-invalid");
        world
            .browser()
            .sign_in("ana@example.org", NEW)
            .await
            .assert_status(200);
    }
}
