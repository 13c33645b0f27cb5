//! Looking after people, and what is noted of it.

use serde_json::{Value, json};

use crate::kit::{Browser, PASSWORD, World, worlds};

async fn with_role<'w>(
    world: &'w World,
    owner: &mut Browser<'_>,
    role: &str,
) -> (Browser<'w>, String) {
    let mut browser = world
        .person(&format!("some-{role}@example.org"), role)
        .await;
    let id = browser.id().await;
    let path = format!("/api/v1/admin/users/{id}/roles");
    owner
        .put(&path, json!({"roles": [role]}))
        .await
        .assert_status(200);
    (browser, id)
}

#[tokio::test]
async fn accounts_are_listed_in_pages_and_found_by_name_and_address() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        for number in 0..5 {
            world
                .person(
                    &format!("p{number}@example.org"),
                    &format!("Person Ünal {number}"),
                )
                .await;
        }
        let path = "/api/v1/admin/users";

        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = owner.get(&format!("{path}?limit=4{cursor}")).await;
            assert_eq!(page.body["total"], 6);
            let items = page.body["items"].as_array().unwrap().clone();
            seen.extend(
                items
                    .iter()
                    .map(|item| item["email"].as_str().unwrap().to_owned()),
            );
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let expected =
            ["p4", "p3", "p2", "p1", "p0", "owner"].map(|name| format!("{name}@example.org"));
        assert_eq!(seen, expected);
        let found = async |owner: &mut Browser<'_>, query: &str| {
            owner.get(&format!("{path}?query={query}")).await.body["total"].clone()
        };
        assert_eq!(found(&mut owner, "%C3%BCNAL%203").await, 1);
        assert_eq!(found(&mut owner, "P4@EXAMPLE").await, 1);
        assert_eq!(found(&mut owner, "%25").await, 0);
        assert_eq!(found(&mut owner, "%00").await, 6);
        for wrong in ["cursor=x", "limit=many"] {
            let answer = owner.get(&format!("{path}?{wrong}")).await;
            answer.assert(400, "invalid-argument");
        }
    }
}

#[tokio::test]
async fn who_is_blocked_is_out_at_once_and_can_come_back_later() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let mut ana = world.person("ana@example.org", "Ana").await;
        let id = ana.id().await;
        let path = format!("/api/v1/admin/users/{id}/block");

        let nothing = owner.post(&path, json!({"reason": " "})).await;
        let blocked = owner.post(&path, json!({"reason": "spam"})).await;

        nothing.assert(400, "invalid-argument");
        blocked.assert_status(200);
        assert_eq!(blocked.body["blocked_reason"], "spam");
        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.refresh().await.assert(401, "session-ended");
        world
            .browser()
            .sign_in("ana@example.org", PASSWORD)
            .await
            .assert(403, "account-blocked");
        let lifted = owner.delete(&path).await;
        lifted.assert_status(200);
        assert_eq!(lifted.body["blocked_at"], Value::Null);
        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        ana.sign_in("ana@example.org", PASSWORD)
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn an_administrator_sends_somebody_a_link_for_a_new_password() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let mut ana = world.person("ana@example.org", "Ana").await;
        let id = ana.id().await;

        let answer = owner
            .post(
                &format!("/api/v1/admin/users/{id}/reset-password"),
                Value::Null,
            )
            .await;

        answer.assert_status(204);
        ana.get("/api/v1/auth/user")
            .await
            .assert(401, "session-ended");
        let token = world.mailed_token("ana@example.org").await;
        let body = json!({"token": token, "password": "seven quiet parrots"});
        world
            .browser()
            .post("/api/v1/auth/password/reset", body)
            .await
            .assert_status(204);
    }
}

#[tokio::test]
async fn administrators_have_no_power_over_owners_themselves_and_what_they_lack() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let owner_id = owner.id().await;
        let (mut admin, admin_id) = with_role(&world, &mut owner, "admin").await;
        let (_, client_id) = with_role(&world, &mut owner, "client").await;
        let reason = json!({"reason": "because"});
        for id in [&owner_id, &admin_id] {
            let path = format!("/api/v1/admin/users/{id}");
            let block = admin.post(&format!("{path}/block"), reason.clone()).await;
            block.assert(403, "permission-denied");
            let reset = admin
                .post(&format!("{path}/reset-password"), Value::Null)
                .await;
            reset.assert(403, "permission-denied");
            let roles = admin
                .put(&format!("{path}/roles"), json!({"roles": ["client"]}))
                .await;
            roles.assert(403, "permission-denied");
        }
        let path = format!("/api/v1/admin/users/{client_id}/roles");

        let to_owner = admin.put(&path, json!({"roles": ["owner"]})).await;
        let unknown = admin.put(&path, json!({"roles": ["king"]})).await;
        let to_professional = admin
            .put(&path, json!({"roles": ["client", "professional"]}))
            .await;

        to_owner.assert(403, "permission-denied");
        unknown.assert(400, "invalid-argument");
        to_professional.assert_status(200);
        assert_eq!(
            to_professional.body["roles"],
            json!(["professional", "client"])
        );
    }
}

#[tokio::test]
async fn two_owners_who_remove_each_other_leave_one() {
    for world in worlds().await {
        let mut first = world.owner().await;
        let first_id = first.id().await;
        let (mut second, second_id) = with_role(&world, &mut first, "owner").await;
        let client = json!({"roles": ["client"]});
        let (one, other) = (
            format!("/api/v1/admin/users/{second_id}/roles"),
            format!("/api/v1/admin/users/{first_id}/roles"),
        );

        let answers = tokio::join!(first.put(&one, client.clone()), second.put(&other, client));

        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403]);
    }
}

#[tokio::test]
async fn a_role_that_is_taken_is_gone_at_once() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let (mut admin, id) = with_role(&world, &mut owner, "admin").await;
        admin.get("/api/v1/admin/users").await.assert_status(200);

        let path = format!("/api/v1/admin/users/{id}/roles");
        owner
            .put(&path, json!({"roles": []}))
            .await
            .assert_status(200);

        admin
            .get("/api/v1/admin/users")
            .await
            .assert(403, "permission-denied");
        admin.get("/api/v1/auth/user").await.assert_status(200);
    }
}

#[tokio::test]
async fn what_administrators_do_is_noted_and_stays_noted() {
    for world in worlds().await {
        let mut owner = world.owner().await;
        let (_, id) = with_role(&world, &mut owner, "client").await;
        let path = format!("/api/v1/admin/users/{id}");
        owner
            .post(&format!("{path}/block"), json!({"reason": "spam"}))
            .await
            .assert_status(200);
        owner
            .delete(&format!("{path}/block"))
            .await
            .assert_status(200);
        owner
            .put(&format!("{path}/roles"), json!({"roles": ["admin"]}))
            .await
            .assert_status(200);

        let log = owner.get("/api/v1/admin/audit").await;

        log.assert_status(200);
        let items = log.body["items"].as_array().unwrap();
        let actions: Vec<&str> = items
            .iter()
            .map(|item| item["action"].as_str().unwrap())
            .collect();
        let expected = [
            "roles-changed",
            "user-unblocked",
            "user-blocked",
            "registered",
            "set-up",
        ];
        assert_eq!(actions, expected);
        assert_eq!(items[0]["actor"]["name"], "Olga Owner");
        assert_eq!(items[0]["target"]["id"], json!(id));
        assert_eq!(items[0]["before"], json!(["client"]));
        assert_eq!(items[0]["after"], json!(["admin"]));
        assert_eq!(items[0]["address"], "192.0.2.7");
        assert_eq!(items[0]["request_id"].as_str().unwrap().len(), 16);
        assert_eq!(items[2]["after"], json!({"reason": "spam"}));
        for sql in ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"] {
            let result = world.db.execute(store::Sql::same(sql), &[]).await;
            assert!(result.is_err(), "{sql}");
        }
    }
}
