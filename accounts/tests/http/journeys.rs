//! What people do, from the first start of a server on.

use jiff::SignedDuration;
use serde_json::json;

use crate::kit::{PASSWORD, form, worlds, worlds_with};

#[tokio::test]
async fn the_printed_link_makes_the_owner_and_works_once() {
    for world in worlds().await {
        let mut browser = world.browser();
        let needed = browser.get("/api/v1/setup").await.body["needed"].clone();
        assert_eq!(needed, true, "before");
        let link = world.accounts.setup_link().await.unwrap().unwrap();
        let (page, token) = link.split_once("?token=").unwrap();
        assert_eq!(page, "http://localhost:7880/setup");
        let mut body = form("owner@example.org", "Olga Owner");
        body["token"] = json!(token);

        let answer = browser.post("/api/v1/setup", body.clone()).await;

        answer.assert_status(201);
        assert_eq!(answer.body["user"]["roles"], json!(["owner"]));
        assert_eq!(browser.get("/api/v1/setup").await.body["needed"], false);
        assert_eq!(world.accounts.setup_link().await.unwrap(), None);
        let again = world.browser().post("/api/v1/setup", body).await;
        again.assert(409, "already-set-up");
        browser.get("/api/v1/auth/user").await.assert_status(200);
        world
            .browser()
            .sign_in("owner@example.org", PASSWORD)
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn a_set_up_without_the_right_link_is_refused() {
    for world in worlds().await {
        let link = world.accounts.setup_link().await.unwrap().unwrap();
        let (_, token) = link.split_once("?token=").unwrap();
        let mut body = form("owner@example.org", "Olga Owner");
        for wrong in ["", "x", &"A".repeat(43)] {
            body["token"] = json!(wrong);
            let answer = world.browser().post("/api/v1/setup", body.clone()).await;
            answer.assert(400, "link-invalid");
        }
        body["token"] = json!(token);
        world.pass(SignedDuration::from_hours(25));

        let late = world.browser().post("/api/v1/setup", body).await;

        late.assert(400, "link-invalid");
    }
}

#[tokio::test]
async fn of_two_who_set_up_at_once_one_does() {
    for world in worlds().await {
        let mut attempts = Vec::new();
        for number in 0..2 {
            let link = world.accounts.setup_link().await.unwrap().unwrap();
            let (_, token) = link.split_once("?token=").unwrap();
            let mut body = form(&format!("owner{number}@example.org"), "Olga Owner");
            body["token"] = json!(token);
            attempts.push((world.browser(), body));
        }
        let [(mut one, first), (mut other, second)] = <[_; 2]>::try_from(attempts).ok().unwrap();

        let answers = tokio::join!(
            one.post("/api/v1/setup", first),
            other.post("/api/v1/setup", second)
        );

        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert!(
            statuses == [201, 409] || statuses == [201, 400],
            "{statuses:?}"
        );
    }
}

#[tokio::test]
async fn somebody_registers_verifies_signs_out_and_in() {
    for world in worlds().await {
        let mut browser = world.browser();
        let answer = browser
            .post(
                "/api/v1/auth/register",
                form("Ana@Example.org", " Ana  López "),
            )
            .await;
        assert_eq!((answer.status, &answer.body), (202, &json!({})));
        let token = world.mailed_token("Ana@Example.org").await;
        let answer = browser
            .post("/api/v1/auth/verify-email", json!({"token": token}))
            .await;
        answer.assert_status(200);
        assert_eq!(answer.body["expires_in"], 900);
        let user = &answer.body["user"];
        assert_eq!(user["email"], "Ana@Example.org");
        assert_eq!(user["name"], "Ana López");
        assert_eq!(user["roles"], json!(["client"]));
        assert_eq!(user["permissions"], json!(["bookings.make"]));
        assert_eq!(user["email_verified"], true);

        browser
            .post("/api/v1/auth/logout", json!(null))
            .await
            .assert_status(204);

        assert_eq!(browser.cookie, None);
        browser
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        browser.refresh().await.assert(401, "session-ended");
        let answer = browser.sign_in("ana@example.ORG", PASSWORD).await;
        answer.assert_status(200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        browser.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_link_of_a_registration_works_once_and_for_half_an_hour() {
    for world in worlds().await {
        let mut browser = world.browser();
        browser
            .post("/api/v1/auth/register", form("ana@example.org", "Ana"))
            .await;
        let used = json!({"token": world.mailed_token("ana@example.org").await});
        browser
            .post("/api/v1/auth/verify-email", used.clone())
            .await
            .assert_status(200);
        browser
            .post("/api/v1/auth/verify-email", used)
            .await
            .assert(400, "link-invalid");

        browser
            .post("/api/v1/auth/register", form("bob@example.org", "Bob"))
            .await;
        let late = json!({"token": world.mailed_token("bob@example.org").await});
        world.pass(SignedDuration::from_mins(31));

        browser
            .post("/api/v1/auth/verify-email", late)
            .await
            .assert(400, "link-invalid");
    }
}

#[tokio::test]
async fn the_account_has_the_password_of_the_registration_whose_link_was_followed() {
    for world in worlds().await {
        // Somebody prepares an account for Ana's address; then Ana registers herself.
        let mut eve = form("ana@example.org", "Ana");
        eve["password"] = json!("a trap for poor ana");
        world
            .browser()
            .post("/api/v1/auth/register", eve)
            .await
            .assert_status(202);
        let trap = world.mailed_token("ana@example.org").await;
        let ana = form("ana@example.org", "Ana");
        world
            .browser()
            .post("/api/v1/auth/register", ana)
            .await
            .assert_status(202);
        let token = world.mailed_token("ana@example.org").await;

        let answer = world
            .browser()
            .post("/api/v1/auth/verify-email", json!({"token": token}))
            .await;

        answer.assert_status(200);
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        let answer = world
            .browser()
            .sign_in("ana@example.org", "a trap for poor ana")
            .await;
        answer.assert(401, "credentials-invalid");
        let answer = world
            .browser()
            .post("/api/v1/auth/verify-email", json!({"token": trap}))
            .await;
        answer.assert(400, "link-invalid");
    }
}

#[tokio::test]
async fn a_form_with_mistakes_tells_all_of_them() {
    for world in worlds().await {
        let body = json!({
            "email": "ana", "password": "short", "name": " ", "locale": "??", "time_zone": "Mars",
        });

        let answer = world.browser().post("/api/v1/auth/register", body).await;

        answer.assert(400, "invalid-argument");
        let expected = [
            ("email", "email-invalid"),
            ("password", "too-short"),
            ("name", "required"),
            ("locale", "locale-invalid"),
            ("time_zone", "time-zone-invalid"),
        ];
        assert_eq!(answer.fields(), expected);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["request_id"].as_str().unwrap().len(), 16);
    }
}

#[tokio::test]
async fn nobody_registers_where_that_is_closed() {
    for world in worlds_with(|config| config.accounts.registration = false).await {
        let body = form("ana@example.org", "Ana");

        let answer = world.browser().post("/api/v1/auth/register", body).await;

        answer.assert(403, "registration-closed");
        assert!(world.mails("ana@example.org").await.is_empty());
    }
}

#[tokio::test]
async fn a_profile_changes_unless_it_changed_meanwhile() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let path = "/api/v1/account/profile";
        let shown = ana.get(path).await;
        let tag = shown.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(shown.body["time_zone"], "Europe/Berlin");

        let change = json!({"about": "Yoga\r\nsince 1999", "country": "de"});
        let changed = ana.send("PATCH", path, change, &[("if-match", &tag)]).await;
        let stale = ana
            .send("PATCH", path, json!({"name": "X"}), &[("if-match", &tag)])
            .await;
        let wrong = ana
            .send(
                "PATCH",
                path,
                json!({"name": "", "country": "Germany"}),
                &[],
            )
            .await;
        let plain = ana
            .send("PATCH", path, json!({"name": "Ana María"}), &[])
            .await;

        changed.assert_status(200);
        assert_eq!(changed.body["about"], "Yoga\nsince 1999");
        assert_eq!(
            (&changed.body["country"], &changed.body["name"]),
            (&json!("DE"), &json!("Ana"))
        );
        assert_ne!(changed.headers["etag"], tag);
        stale.assert(412, "precondition-failed");
        wrong.assert(400, "invalid-argument");
        assert_eq!(
            wrong.fields(),
            [("name", "required"), ("country", "country-invalid")]
        );
        plain.assert_status(200);
        assert_eq!(ana.get("/api/v1/auth/user").await.body["name"], "Ana María");
    }
}

#[tokio::test]
async fn who_sees_what_is_kept() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let path = "/api/v1/account/privacy";
        let mut privacy = ana.get(path).await.body;
        assert_eq!(privacy["read_receipts"], true);
        privacy["last_seen"] = json!("nobody");
        privacy["read_receipts"] = json!(false);

        ana.put(path, privacy.clone()).await.assert_status(200);
        let wrong = ana.put(path, json!({"last_seen": "friends"})).await;

        assert_eq!(ana.get(path).await.body, privacy);
        wrong.assert(400, "invalid-argument");
    }
}

#[tokio::test]
async fn the_keys_that_verify_access_tokens_are_public() {
    for world in worlds().await {
        let answer = world.browser().get("/.well-known/jwks.json").await;

        answer.assert_status(200);
        assert_eq!(answer.body["keys"][0]["crv"], "Ed25519");
        assert!(answer.body["keys"][0].get("d").is_none());
    }
}

#[tokio::test]
async fn the_outbox_exists_in_development_mode_only() {
    for world in worlds_with(|config| config.dev = false).await {
        world
            .browser()
            .get("/api/v1/dev/mails")
            .await
            .assert_status(404);
    }
}
