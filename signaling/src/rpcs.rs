//! RPCs that the server API has begun and a participant has not answered yet.
//!
//! The caller of such an RPC has an identity of its own, made up for it, to which the participant
//! answers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol::rpc_response::Value;
use livekit_protocol::{RpcError, RpcResponse};

use crate::ids::ParticipantKey;
use crate::room::{OrderError, Reply};

/// A participant that is connected says within this time that it has got the request.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Errors that every SDK knows.
const CONNECTION_TIMEOUT: (u32, &str) = (1501, "Connection timeout");
const RESPONSE_TIMEOUT: (u32, &str) = (1502, "Response timeout");
const RECIPIENT_DISCONNECTED: (u32, &str) = (1503, "Recipient disconnected");
const UNREADABLE: (u32, &str) = (1500, "The answer can't be read");

#[derive(Debug)]
struct Waiting {
    participant: ParticipantKey,
    sent_at: Instant,
    timeout: Duration,
    is_acknowledged: bool,
    reply: Reply<String>,
}

/// The RPCs of one room that wait; no more than the limit, further ones are refused.
#[derive(Debug, Default)]
pub(crate) struct Rpcs(HashMap<String, Waiting>);

impl Rpcs {
    /// Counts those that wait.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that `participant` was sent a request.
    pub(crate) fn begin(
        &mut self,
        id: String,
        participant: ParticipantKey,
        (sent_at, timeout): (Instant, Duration),
        reply: Reply<String>,
    ) {
        let waiting = Waiting {
            participant,
            sent_at,
            timeout,
            is_acknowledged: false,
            reply,
        };
        self.0.insert(id, waiting);
    }

    /// Takes an acknowledgement; false if it is about no RPC of ours.
    pub(crate) fn acknowledge(&mut self, from: ParticipantKey, id: &str) -> bool {
        let waiting = self.0.get_mut(id).filter(|rpc| rpc.participant == from);
        waiting.map(|rpc| rpc.is_acknowledged = true).is_some()
    }

    /// Takes an answer; false if it is about no RPC of ours.
    pub(crate) fn finish(&mut self, from: ParticipantKey, response: RpcResponse) -> bool {
        let id = &response.request_id;
        if self.0.get(id).is_none_or(|rpc| rpc.participant != from) {
            return false;
        }
        if let Some(rpc) = self.0.remove(id) {
            let result = match response.value {
                Some(Value::Payload(payload)) => Ok(payload),
                Some(Value::Error(RpcError {
                    code,
                    message,
                    data,
                })) => Err(OrderError::Rpc {
                    code,
                    message: if data.is_empty() {
                        message
                    } else {
                        format!("{message}: {data}")
                    },
                }),
                // Only for requests of a version that can be answered so.
                Some(Value::CompressedPayload(_)) | None => Err(error(UNREADABLE)),
            };
            let _ = rpc.reply.send(result); // Nobody waits any more.
        }
        true
    }

    /// Ends what has waited for too long.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.fail(|rpc| {
            let age = now.saturating_duration_since(rpc.sent_at);
            if age >= rpc.timeout {
                Some(RESPONSE_TIMEOUT)
            } else if age >= ACK_TIMEOUT && !rpc.is_acknowledged {
                Some(CONNECTION_TIMEOUT)
            } else {
                None
            }
        });
    }

    /// Ends what waits for somebody who has left.
    pub(crate) fn forget(&mut self, participant: ParticipantKey) {
        self.fail(|rpc| (rpc.participant == participant).then_some(RECIPIENT_DISCONNECTED));
    }

    fn fail(&mut self, why: impl Fn(&Waiting) -> Option<(u32, &'static str)>) {
        for (_, rpc) in self.0.extract_if(|_, rpc| why(rpc).is_some()) {
            if let Some(reason) = why(&rpc) {
                let _ = rpc.reply.send(Err(error(reason))); // Nobody waits any more.
            }
        }
    }
}

fn error((code, message): (u32, &str)) -> OrderError {
    OrderError::Rpc {
        code,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    const ANA: ParticipantKey = ParticipantKey(1);
    const BOB: ParticipantKey = ParticipantKey(2);

    type Answer = oneshot::Receiver<Result<String, OrderError>>;

    fn begun(now: Instant) -> (Rpcs, Answer) {
        let mut rpcs = Rpcs::default();
        let (reply, answer) = oneshot::channel();
        let times = (now, Duration::from_secs(10));
        rpcs.begin("1".into(), ANA, times, reply);
        (rpcs, answer)
    }

    fn response(value: Value) -> RpcResponse {
        RpcResponse {
            request_id: "1".into(),
            value: Some(value),
        }
    }

    fn code(answer: &mut Answer) -> u32 {
        match answer.try_recv() {
            Ok(Err(OrderError::Rpc { code, .. })) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_one_who_was_asked_answers() {
        let now = Instant::now();
        let (mut rpcs, mut answer) = begun(now);
        let payload = response(Value::Payload("hello".into()));

        assert!(!rpcs.finish(BOB, payload.clone()) && !rpcs.acknowledge(BOB, "1"));
        assert!(rpcs.acknowledge(ANA, "1") && rpcs.finish(ANA, payload));

        assert_eq!(answer.try_recv().unwrap(), Ok("hello".into()));
        assert_eq!(rpcs.len(), 0);
    }

    #[test]
    fn an_error_of_the_participant_is_passed_on() {
        let (mut rpcs, mut answer) = begun(Instant::now());
        let error = RpcError {
            code: 1400,
            message: "no such method".into(),
            data: "greet".into(),
        };

        assert!(rpcs.finish(ANA, response(Value::Error(error))));

        let error = answer.try_recv().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "RpcError 1400: no such method: greet");
    }

    #[test]
    fn silence_ends_after_two_seconds_and_an_acknowledged_call_in_its_own_time() {
        let now = Instant::now();
        let (mut silent, mut unheard) = begun(now);
        let (mut slow, mut unanswered) = begun(now);
        slow.acknowledge(ANA, "1");

        for rpcs in [&mut silent, &mut slow] {
            rpcs.handle_timeout(now + Duration::from_millis(1999));
        }
        assert_eq!(unheard.try_recv(), Err(TryRecvError::Empty));
        for rpcs in [&mut silent, &mut slow] {
            rpcs.handle_timeout(now + Duration::from_secs(2));
        }
        assert_eq!(code(&mut unheard), 1501);
        assert_eq!(unanswered.try_recv(), Err(TryRecvError::Empty));
        slow.handle_timeout(now + Duration::from_secs(10));
        assert_eq!(code(&mut unanswered), 1502);
    }

    #[test]
    fn who_leaves_owes_no_answer() {
        let (mut rpcs, mut answer) = begun(Instant::now());

        rpcs.forget(BOB);
        assert_eq!(rpcs.len(), 1);
        rpcs.forget(ANA);

        assert_eq!(code(&mut answer), 1503);
    }
}
