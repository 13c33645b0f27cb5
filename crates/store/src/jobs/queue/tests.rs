//! Leases and ends on both databases, with instants of our choice.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::testing::{databases, prepare};

#[tokio::test]
async fn every_statement_is_right_on_both_databases() {
    prepare(env!("CARGO_MANIFEST_DIR"), &[STATEMENTS]).await;
}

fn at(second: u64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + Duration::from_secs(second)
}

async fn put(db: &Db, job: NewJob) -> bool {
    let mut tx = db.begin().await.unwrap();
    let is_new = enqueue(&mut tx, job, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    is_new
}

fn mail() -> NewJob {
    NewJob::new("mail", json!({"to": "ana"}))
}

/// Leases for ten seconds.
async fn lease_at(db: &Db, second: u64) -> Vec<Job> {
    let leased = lease(db, "mail", 10, at(second), at(second + 10)).await;
    leased.unwrap()
}

#[tokio::test]
async fn a_job_exists_if_and_only_if_its_cause_was_committed() {
    for db in databases().await {
        let mut tx = db.begin().await.unwrap();
        enqueue(&mut tx, mail(), at(0)).await.unwrap();
        drop(tx);
        assert_eq!(lease_at(&db, 0).await, [], "{}", db.name);

        put(&db, mail()).await;

        let jobs = lease_at(&db, 0).await;
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].payload, json!({"to": "ana"}));
        assert_eq!((jobs[0].attempt, jobs[0].created_at), (1, at(0)));
    }
}

#[tokio::test]
async fn a_leased_job_is_had_by_nobody_else_until_the_lease_has_ended() {
    for db in databases().await {
        put(&db, mail()).await;
        let first = lease_at(&db, 0).await.remove(0);

        assert_eq!(lease_at(&db, 9).await, [], "{}", db.name);
        let second = lease_at(&db, 10).await.remove(0);

        assert_eq!((second.id, second.attempt), (first.id, 2));
        assert!(!set_done(&db, &first, at(11)).await.unwrap());
        assert!(!set_due(&db, &first, at(11), "late").await.unwrap());
        assert!(!set_dead(&db, &first, at(11), "late").await.unwrap());
        assert!(set_done(&db, &second, at(11)).await.unwrap());
        assert!(!set_done(&db, &second, at(11)).await.unwrap());
        assert_eq!(lease_at(&db, 1000).await, []);
    }
}

#[tokio::test]
async fn jobs_wait_for_their_time_and_no_more_are_leased_than_asked_for() {
    for db in databases().await {
        put(&db, mail().due_at(at(5))).await;
        put(&db, mail()).await;
        put(&db, NewJob::new("push", json!(null))).await;

        assert_eq!(lease_at(&db, 4).await.len(), 1, "{}", db.name);
        assert_eq!(due_kinds(&db, at(4)).await.unwrap(), ["push"]);
        assert_eq!(lease_at(&db, 5).await.len(), 1);
        put(&db, mail()).await;
        put(&db, mail()).await;
        let one = lease(&db, "mail", 1, at(6), at(10)).await.unwrap();
        assert_eq!(one.len(), 1);
    }
}

#[tokio::test]
async fn a_key_is_taken_while_it_waits_and_after_it_was_done_until_it_is_swept() {
    for db in databases().await {
        let keyed = || mail().once("reminder:1");
        assert!(put(&db, keyed()).await, "{}", db.name);
        assert!(!put(&db, keyed()).await);
        assert!(put(&db, mail().once("reminder:2")).await);

        let jobs = lease_at(&db, 0).await;
        for job in &jobs {
            assert!(set_done(&db, job, at(1)).await.unwrap());
        }

        assert_eq!(jobs.len(), 2);
        assert!(!put(&db, keyed()).await);
        assert_eq!(lease_at(&db, 1000).await, []);
        assert_eq!(sweep(&db, at(1), at(1)).await.unwrap(), 0);
        assert_eq!(sweep(&db, at(2), at(1)).await.unwrap(), 2);
        assert!(put(&db, keyed()).await);
    }
}

#[tokio::test]
async fn what_is_given_up_stays_with_its_reason_and_can_be_revived() {
    for db in databases().await {
        put(&db, mail()).await;
        let job = lease_at(&db, 0).await.remove(0);

        assert!(
            set_dead(&db, &job, at(1), "no such\0 address")
                .await
                .unwrap()
        );

        assert_eq!(lease_at(&db, 1000).await, [], "{}", db.name);
        let found = dead(&db, 10).await.unwrap().remove(0);
        assert_eq!(
            (found.id, found.attempts, found.dead_at),
            (job.id, 1, at(1))
        );
        assert_eq!(found.last_error, "no such address");
        assert!(revive(&db, job.id, at(2)).await.unwrap());
        assert!(!revive(&db, job.id, at(2)).await.unwrap());
        assert_eq!(lease_at(&db, 2).await.remove(0).attempt, 1);
    }
}

#[tokio::test]
async fn what_kills_every_process_that_runs_it_is_given_up() {
    for db in databases().await {
        put(&db, mail().attempts_max(2)).await;
        assert_eq!(lease_at(&db, 0).await.len(), 1, "{}", db.name);
        assert_eq!(lease_at(&db, 10).await.len(), 1);
        assert_eq!(dead(&db, 10).await.unwrap(), []);

        assert_eq!(lease_at(&db, 20).await, []);

        let found = dead(&db, 10).await.unwrap().remove(0);
        assert_eq!(found.last_error, "it never came to an end");
    }
}

#[tokio::test]
async fn a_failed_job_comes_again_at_its_time_with_one_attempt_more() {
    for db in databases().await {
        put(&db, mail()).await;
        let job = lease_at(&db, 0).await.remove(0);

        assert!(set_due(&db, &job, at(60), "busy").await.unwrap());

        assert_eq!(lease_at(&db, 59).await, [], "{}", db.name);
        assert_eq!(lease_at(&db, 60).await.remove(0).attempt, 2);
    }
}
