//! Jobs that fail.

use super::*;

/// Says how a job went.
async fn report(worker: &mut Worker, job: &Job, status: JobStatus) {
    let update = UpdateJobStatus {
        job_id: job.id.clone(),
        status: status.into(),
        ..UpdateJobStatus::default()
    };
    worker.say(Message::UpdateJob(update)).await;
}

#[tokio::test]
async fn a_job_that_fails_is_offered_again_unless_its_dispatch_says_never() {
    let stage = Stage::new().await;
    let mut worker = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    for policy in ["JRP_NEVER", "JRP_ON_FAILURE"] {
        let wish = json!({"agent_name": "tutor", "room": "yoga", "metadata": policy, "restart_policy": policy});
        dispatch(&stage, "CreateDispatch", &wish).await;
        let job = worker.take().await.job.unwrap();
        report(&mut worker, &job, JobStatus::JsFailed).await;
    }

    let again = worker.take().await.job.unwrap();

    assert_eq!(
        again.metadata, "JRP_ON_FAILURE",
        "the other one would have come first"
    );
    report(&mut worker, &again, JobStatus::JsSuccess).await;
    worker.settle().await;
}

#[tokio::test]
async fn a_job_that_its_worker_calls_failed_after_its_agent_has_left_is_offered_again() {
    let stage = Stage::new().await;
    let mut worker = Worker::register(&stage, "", JobType::JtRoom).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;
    let assignment = worker.take().await;
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims: Claims = auth::verify(&assignment.token, &keys, now()).unwrap();
    let mut agent = Client::join_with(&stage, &claims, "protocol=17").await;
    let leave = livekit_protocol::LeaveRequest::default();
    agent
        .say(livekit_protocol::signal_request::Message::Leave(leave))
        .await;
    let job = assignment.job.unwrap();
    assert_eq!(worker.ended().await, job.id);

    report(&mut worker, &job, JobStatus::JsFailed).await;

    let again = worker.offered().await;
    assert_eq!(
        (again.dispatch_id, again.id == job.id),
        (job.dispatch_id, false)
    );
}
