//! Refreshing, theft, lost answers, and ending sessions.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::kit::{PASSWORD, worlds, worlds_with};

const REFRESH: &str = "/api/v1/auth/refresh";

#[tokio::test]
async fn a_page_that_was_loaded_anew_is_still_signed_in() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        for _ in 0..3 {
            ana.token = None;
            let before = ana.cookie.clone();
            let answer = ana.refresh().await;
            answer.assert_status(200);
            assert_eq!(answer.body["user"]["name"], "Ana");
            assert_ne!(ana.cookie, before, "rotated");
            ana.get("/api/v1/auth/user").await.assert_status(200);
        }
    }
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    for world in worlds_with(|config| config.dev = false).await {
        let link = world.accounts.setup_link().await.unwrap().unwrap();
        let mut body = crate::kit::form("owner@example.org", "Olga");
        body["token"] = json!(link.split_once("?token=").unwrap().1);

        let answer = world.browser().post("/api/v1/setup", body).await;

        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert!(
            pair.starts_with("clapt_refresh=") && pair.len() == 14 + 43,
            "{pair}"
        );
        let expected = "Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(attributes, expected);
        assert!(!answer.body.to_string().contains(&pair[14..]));
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_session_and_its_owner_is_told() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut thief = ana.clone();
        ana.refresh().await.assert_status(200);
        ana.get("/api/v1/auth/user").await.assert_status(200);

        thief.refresh().await.assert(401, "session-revoked");

        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.refresh().await.assert(401, "session-ended");
        let (subject, text) = world.mails("ana@example.org").await.remove(0);
        assert_eq!(subject, "A device was signed out for your safety");
        assert!(text.contains("Test browser"), "{text}");
        assert_eq!(ana.cookie, None);
    }
}

#[tokio::test]
async fn a_thief_who_comes_first_is_thrown_out_with_the_owner() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut thief = ana.clone();
        thief.refresh().await.assert_status(200);
        thief.get("/api/v1/auth/user").await.assert_status(200);

        ana.refresh().await.assert(401, "session-revoked");

        thief
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        thief.refresh().await.assert(401, "session-ended");
    }
}

#[tokio::test]
async fn an_answer_that_gets_lost_signs_nobody_out() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        for _ in 0..3 {
            let lost = ana.send_and_forget("POST", REFRESH, Value::Null, &[]).await;
            lost.assert_status(200);
        }

        ana.refresh().await.assert_status(200);

        ana.get("/api/v1/auth/user").await.assert_status(200);
        ana.refresh().await.assert_status(200);
    }
}

#[tokio::test]
async fn pages_that_refresh_at_once_all_stay_signed_in_whichever_answer_comes_last() {
    for world in worlds().await {
        let ana = world.person("ana@example.org", "Ana").await;
        let send = || ana.send_and_forget("POST", REFRESH, Value::Null, &[]);

        let answers = tokio::join!(send(), send(), send(), send());

        let answers = [answers.0, answers.1, answers.2, answers.3];
        let cookies: Vec<&str> = answers
            .iter()
            .map(|answer| answer.headers["set-cookie"].to_str().unwrap())
            .collect();
        for answer in &answers {
            answer.assert_status(200);
        }
        assert!(
            cookies.iter().all(|cookie| *cookie == cookies[0]),
            "one successor"
        );
        let mut later = ana.clone();
        later.cookie = cookies[3].split(';').next().map(str::to_owned);
        later.refresh().await.assert_status(200);
    }
}

#[tokio::test]
async fn access_tokens_of_before_a_refresh_stay_good_until_they_end() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut other_page = ana.clone();
        ana.refresh().await.assert_status(200);

        ana.get("/api/v1/auth/user").await.assert_status(200);
        other_page.get("/api/v1/auth/user").await.assert_status(200);
        world.pass(SignedDuration::from_mins(16));
        other_page
            .get("/api/v1/auth/user")
            .await
            .assert(401, "unauthenticated");
        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "unauthenticated");
        ana.refresh().await.assert_status(200);
        ana.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_and_one_that_is_used_does_not() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        for _ in 0..3 {
            world.pass(SignedDuration::from_hours(24 * 29));
            ana.refresh().await.assert_status(200);
        }

        world.pass(SignedDuration::from_hours(24 * 31));

        ana.refresh().await.assert(401, "session-ended");
    }
}

#[tokio::test]
async fn foreign_pages_can_not_use_the_cookie() {
    for world in worlds_with(|config| {
        config.allowed_origins = vec!["https://app.example".to_owned()];
    })
    .await
    {
        let ana = world.person("ana@example.org", "Ana").await;
        for path in [REFRESH, "/api/v1/auth/logout"] {
            for headers in [
                [
                    ("origin", "https://evil.example"),
                    ("x-requested-with", "clapt"),
                ],
                [("origin", "null"), ("x-requested-with", "clapt")],
                [
                    ("origin", "http://localhost:7880.evil.example"),
                    ("x-requested-with", "clapt"),
                ],
                [
                    ("origin", "http://localhost:7880"),
                    ("x-requested-with", ""),
                ],
                [
                    ("origin", "http://localhost:7880"),
                    ("x-requested-with", "XMLHttpRequest"),
                ],
            ] {
                let answer = ana
                    .send_and_forget("POST", path, Value::Null, &headers)
                    .await;
                answer.assert(403, "origin-not-allowed");
            }
        }
        for origin in ["https://app.example", "http://localhost:7880", ""] {
            let headers = [("origin", origin)];
            let answer = ana
                .send_and_forget("POST", REFRESH, Value::Null, &headers)
                .await;
            answer.assert_status(200);
        }
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_only() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut phone = world.browser();
        phone.address = [198, 51, 100, 4].into();
        phone
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        let mut bob = world.person("bob@example.org", "Bob").await;
        let path = "/api/v1/account/sessions";

        let listed = ana.get(path).await.body["items"]
            .as_array()
            .unwrap()
            .clone();

        assert_eq!(listed.len(), 2);
        let (own, other): (Vec<_>, Vec<_>) = listed
            .iter()
            .partition(|session| session["current"] == true);
        assert_eq!((own.len(), other.len()), (1, 1));
        assert_eq!(other[0]["address"], "198.51.100.4");
        assert_eq!(other[0]["device"], "Test browser");
        let one = format!("{path}/{}", other[0]["id"].as_str().unwrap());
        bob.delete(&one).await.assert(404, "not-found");
        phone.get("/api/v1/auth/user").await.assert_status(200);
        ana.delete(&one).await.assert_status(204);
        phone
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        phone.refresh().await.assert(401, "session-ended");
        ana.delete(&one).await.assert(404, "not-found");
        ana.delete(&format!("{path}/nonsense"))
            .await
            .assert(404, "not-found");
        bob.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn all_other_devices_are_signed_off_at_once() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let mut phone = world.browser();
        phone
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);

        ana.delete("/api/v1/account/sessions")
            .await
            .assert_status(204);

        phone
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn at_too_many_sessions_the_oldest_ends() {
    for world in worlds_with(|config| config.limit.sessions_per_account_max = 2).await {
        let mut first = world.person("ana@example.org", "Ana").await;
        let (mut second, mut third) = (world.browser(), world.browser());
        second
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
        first.get("/api/v1/auth/user").await.assert_status(200);

        third
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);

        first
            .get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        second.get("/api/v1/auth/user").await.assert_status(200);
        third.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn tokens_that_are_none_open_nothing() {
    for world in worlds().await {
        let mut ana = world.person("ana@example.org", "Ana").await;
        let (token, cookie) = (ana.token.clone().unwrap(), ana.cookie.clone().unwrap());
        for wrong in ["", "x", "a.b.c", &token[1..], &format!("{token}x")] {
            ana.token = Some(wrong.to_owned());
            ana.get("/api/v1/auth/user")
                .await
                .assert(401, "unauthenticated");
        }
        for wrong in ["clapt_refresh=x", &format!("{cookie}; {cookie}"), "other=1"] {
            ana.cookie = Some(wrong.to_owned());
            ana.refresh().await.assert(401, "session-ended");
        }
    }
}
