//! Runners of jobs on real databases.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus::{Registry, TextEncoder};
use serde_json::json;
use store::jobs::{JobError, JobsConfig, NewJob, Runner, dead, enqueue};
use store::testing::databases;
use store::{Db, Sql, now};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Long enough that only a hang is taken for one.
const DEADLINE: Duration = Duration::from_mins(1);

const COUNT: Sql = Sql::same("SELECT COUNT(*) AS count FROM jobs");

fn config() -> JobsConfig {
    JobsConfig {
        poll: Duration::from_millis(50),
        ..JobsConfig::default()
    }
}

/// What was done, and how often. Waits are on its changes.
#[derive(Clone)]
struct Done {
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
    changed: watch::Sender<u32>,
}

impl Done {
    fn new() -> Self {
        let counts = Arc::default();
        let changed = watch::Sender::new(0);
        Self { counts, changed }
    }

    fn add(&self, name: &str) {
        *self
            .counts
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_default() += 1;
        self.changed.send_modify(|total| *total += 1);
    }

    async fn wait_for(&self, total: u32) {
        let mut changed = self.changed.subscribe();
        let waiting = changed.wait_for(|now| *now >= total);
        let result = tokio::time::timeout(DEADLINE, waiting).await;
        result.expect("all is done in time").unwrap();
    }
}

async fn put(db: &Db, jobs: impl IntoIterator<Item = NewJob>) {
    let mut tx = db.begin().await.unwrap();
    for job in jobs {
        enqueue(&mut tx, job, now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Waits until the table has so many rows.
async fn wait_for_rows(db: &Db, rows: i64) {
    let waiting = async {
        while db.one(COUNT, &[]).await.unwrap().int("count").unwrap() != rows {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let result = tokio::time::timeout(DEADLINE, waiting).await;
    result.expect("the table has the expected rows in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runners_do_two_hundred_jobs_once_each() {
    for db in databases().await {
        let (done, stop) = (Done::new(), CancellationToken::new());
        let runners: Vec<_> = [db.open_again().await, db.open_again().await]
            .into_iter()
            .map(|own| {
                let done = done.clone();
                let runner = Runner::new(own, config(), &Registry::new()).unwrap();
                let runner = runner.on("count", move |job| {
                    let done = done.clone();
                    async move {
                        done.add(job.payload["name"].as_str().unwrap());
                        Ok(())
                    }
                });
                tokio::spawn(runner.run(stop.clone().cancelled_owned()))
            })
            .collect();
        let jobs = (0..200).map(|number| NewJob::new("count", json!({"name": number.to_string()})));

        put(&db, jobs).await;

        done.wait_for(200).await;
        wait_for_rows(&db, 0).await;
        stop.cancel();
        for runner in runners {
            runner.await.unwrap();
        }
        let counts = done.counts.lock().unwrap().clone();
        assert_eq!(counts.len(), 200, "{}", db.name);
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_and_what_panics_or_can_not_be_done_is_given_up() {
    for db in databases().await {
        let (done, stop) = (Done::new(), CancellationToken::new());
        let registry = Registry::new();
        let runner = Runner::new(Db::clone(&db), config(), &registry).unwrap();
        let noted = done.clone();
        let runner = runner.on("work", move |job| {
            let done = noted.clone();
            async move {
                let name = job.payload.as_str().unwrap().to_owned();
                done.add(&name);
                match name.as_str() {
                    "fails once" if job.attempt == 1 => Err(JobError::Later("busy".to_owned())),
                    "can not be" => Err(JobError::Never("no such thing".to_owned())),
                    "panics" => panic!("as the test wants"),
                    _ => Ok(()),
                }
            }
        });
        let running = tokio::spawn(runner.run(stop.clone().cancelled_owned()));
        let job = |name: &str| NewJob::new("work", json!(name));

        put(
            &db,
            [
                job("fails once"),
                job("can not be"),
                job("panics").attempts_max(1),
            ],
        )
        .await;

        done.wait_for(4).await;
        wait_for_rows(&db, 2).await;
        stop.cancel();
        running.await.unwrap();
        let mut reasons: Vec<String> = dead(&db, 9)
            .await
            .unwrap()
            .into_iter()
            .map(|job| job.last_error)
            .collect();
        reasons.sort();
        assert_eq!(reasons, ["it panicked", "no such thing"], "{}", db.name);
        let text = TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in [
            "clapt_jobs_total{kind=\"work\",result=\"done\"} 1",
            "clapt_jobs_total{kind=\"work\",result=\"failed\"} 1",
            "clapt_jobs_total{kind=\"work\",result=\"dead\"} 2",
            "clapt_jobs_running 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_allowed_and_unknown_kinds_are_left_alone() {
    for db in databases().await {
        let (done, stop) = (Done::new(), CancellationToken::new());
        let few = JobsConfig {
            parallel_max: 2,
            ..config()
        };
        let runner = Runner::new(Db::clone(&db), few, &Registry::new()).unwrap();
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let (noted, held) = (done.clone(), Arc::clone(&gate));
        let runner = runner.on("slow", move |_| {
            let (done, gate) = (noted.clone(), Arc::clone(&held));
            async move {
                done.add("started");
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        });
        let running = tokio::spawn(runner.run(stop.clone().cancelled_owned()));
        let slow = (0..5).map(|_| NewJob::new("slow", json!(null)));
        put(&db, slow.chain([NewJob::new("strange", json!(null))])).await;

        done.wait_for(2).await;
        let leased = Sql::same("SELECT COUNT(*) AS count FROM jobs WHERE lease IS NOT NULL");
        let count = db.one(leased, &[]).await.unwrap().int("count").unwrap();
        assert_eq!(count, 2, "{}", db.name);
        gate.add_permits(5);
        done.wait_for(5).await;

        wait_for_rows(&db, 1).await;
        stop.cancel();
        running.await.unwrap();
        let left = Sql::same("SELECT kind, attempts FROM jobs");
        let left = db.one(left, &[]).await.unwrap();
        assert_eq!(
            (
                left.text("kind").unwrap().as_str(),
                left.int("attempts").unwrap()
            ),
            ("strange", 0)
        );
    }
}

#[tokio::test]
async fn a_job_that_a_dying_runner_held_is_done_by_the_next_one() {
    for db in databases().await {
        let (done, stop) = (Done::new(), CancellationToken::new());
        let short = JobsConfig {
            lease: Duration::from_millis(300),
            stop: Duration::ZERO,
            ..config()
        };
        let dying = Runner::new(Db::clone(&db), short.clone(), &Registry::new()).unwrap();
        let noted = done.clone();
        let dying = dying.on("work", move |_| {
            noted.add("begun");
            std::future::pending()
        });
        let killed = tokio::spawn(dying.run(std::future::pending()));
        put(&db, [NewJob::new("work", json!(null))]).await;
        done.wait_for(1).await;
        killed.abort();
        assert!(killed.await.is_err());

        let runner = Runner::new(Db::clone(&db), short, &Registry::new()).unwrap();
        let noted = done.clone();
        let runner = runner.on("work", move |job| {
            noted.add(&format!("attempt {}", job.attempt));
            async { Ok(()) }
        });
        let running = tokio::spawn(runner.run(stop.clone().cancelled_owned()));

        wait_for_rows(&db, 0).await;
        stop.cancel();
        running.await.unwrap();
        assert_eq!(
            done.counts.lock().unwrap().get("attempt 2"),
            Some(&1),
            "{}",
            db.name
        );
    }
}
