//! The table of who may call what, against what the routes answer.

use std::collections::BTreeSet;

use auth::{Permission, Role};
use serde_json::json;
use service::access::Rule;

use crate::kit::{Browser, World, worlds};

/// Stands for an account or a session that does not exist.
const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";

#[test]
fn every_route_that_is_described_has_a_rule_and_the_other_way_round() {
    let api = serde_json::to_value(accounts::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    // What tells of the interface is not told of.
    for path in ["/api/openapi.json", "/api/docs"] {
        described.insert(("GET".to_owned(), path.to_owned()));
    }

    let ruled: BTreeSet<_> = accounts::rules()
        .iter()
        .map(|row| (row.method.to_string(), row.path.to_owned()))
        .collect();

    assert_eq!(described, ruled);
}

#[test]
fn what_takes_a_token_says_so_in_the_description() {
    let api = serde_json::to_value(accounts::openapi()).unwrap();
    for row in accounts::rules() {
        let operation = &api["paths"][row.path][row.method.as_str().to_lowercase()];
        let says = operation["security"] == json!([{"access_token": []}]);
        assert_eq!(
            says,
            row.rule != Rule::Public,
            "{} {}",
            row.method,
            row.path
        );
    }
}

/// Signs somebody in with a role; `None` is nobody. There is no cookie, so that no route signs off.
async fn browser<'w>(world: &'w World, owner: &mut Browser<'_>, role: Option<Role>) -> Browser<'w> {
    let Some(role) = role else {
        return world.browser();
    };
    let email = format!("some-{role}@example.org");
    let mut browser = world.person(&email, role.as_str()).await;
    let path = format!("/api/v1/admin/users/{}/roles", browser.id().await);
    let body = json!({"roles": [role.as_str()]});
    owner.put(&path, body).await.assert_status(200);
    browser.cookie = None;
    browser
}

#[tokio::test]
async fn every_role_is_answered_by_every_route_as_the_table_says() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let roles = Role::ALL.iter().copied().map(Some).chain([None]);
        for role in roles {
            let browser = browser(&world, &mut owner, role).await;
            let has = |permission: Permission| {
                role.is_some_and(|role| role.permissions().contains(&permission))
            };
            for row in accounts::rules() {
                let path = row.path.replace("{id}", NOBODY);
                let answer = browser
                    .send_and_forget(row.method.as_str(), &path, json!({}), &[])
                    .await;
                let by_guard = (answer.status, answer.code());
                let what = format!("{role:?} {} {path}: {by_guard:?}", row.method);
                let is_refused = matches!(
                    by_guard,
                    (401, "unauthenticated") | (403, "permission-denied")
                );
                match row.rule {
                    Rule::Public => assert!(!is_refused, "{what}"),
                    Rule::SignedIn | Rule::Permission(_) if role.is_none() => {
                        assert_eq!(by_guard, (401, "unauthenticated"), "{what}");
                    }
                    Rule::Permission(permission) if !has(permission) => {
                        assert_eq!(by_guard, (403, "permission-denied"), "{what}");
                    }
                    Rule::SignedIn | Rule::Permission(_) => {
                        assert!(!is_refused && answer.code() != "session-ended", "{what}");
                    }
                }
                assert!(answer.status < 500, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_method_without_a_rule_is_answered_by_nobody() {
    for world in worlds().await {
        let mut owner = world.owner().await;

        let answer = owner.delete("/api/v1/account/profile").await;

        answer.assert(405, "method-not-allowed");
        let allow = answer.headers["allow"].to_str().unwrap();
        assert!(allow.contains("GET") && allow.contains("PATCH"), "{allow}");
    }
}

#[tokio::test]
async fn programs_and_people_find_the_description() {
    for world in worlds().await {
        let mut browser = world.browser();

        let json = browser.get("/api/openapi.json").await;
        let page = browser.get("/api/docs").await;

        assert_eq!(json.body["openapi"], "3.1.0");
        assert!(json.body["paths"]["/api/v1/auth/login"]["post"].is_object());
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
}
