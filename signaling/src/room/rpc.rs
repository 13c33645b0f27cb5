//! RPCs from the server API to participants.

use std::time::{Duration, Instant};

use livekit_protocol::data_packet::Value;
use livekit_protocol::{DataPacket, PerformRpcRequest, RpcRequest};
use prost::Message as _;
use prost::bytes::Bytes;
use sfu::DataChannel;

use super::{OrderError, Reply, Room, note};
use crate::ids::{self, ParticipantKey};

/// How long an RPC waits for its answer, unless it says something else, and at most.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const RPC_TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// Longest payload of a request that SDKs take.
const PAYLOAD_BYTES_MAX: usize = 15 * 1024;

/// The version of RPC in which requests and answers are single packets.
const VERSION: u32 = 1;

impl Room {
    /// Sends a request to a participant; `reply` gets the answer when it comes.
    pub(super) async fn perform_rpc(&mut self, request: PerformRpcRequest, reply: Reply<String>) {
        match self.check_rpc(&request) {
            Ok(key) => self.begin_rpc(key, request, reply).await,
            Err(error) => {
                let _ = reply.send(Err(error)); // Nobody waits any more.
            }
        }
    }

    fn check_rpc(&self, request: &PerformRpcRequest) -> Result<ParticipantKey, OrderError> {
        let key = self.own_key_of(&request.destination_identity)?;
        if request.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(OrderError::Rpc {
                code: 1402,
                message: "Request payload too large".to_owned(),
            });
        }
        if self.rpcs.len() >= self.shared.config.limit.rpcs_per_room_max {
            self.shared.metrics.refuse("rpcs");
            return Err(OrderError::TooManyRpcs);
        }
        Ok(key)
    }

    async fn begin_rpc(
        &mut self,
        key: ParticipantKey,
        request: PerformRpcRequest,
        reply: Reply<String>,
    ) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let timeout = match request.response_timeout_ms {
            0 => RPC_TIMEOUT,
            millis => Duration::from_millis(u64::from(millis)).min(RPC_TIMEOUT_MAX),
        };
        let id = ids::rpc_id();
        let packet = DataPacket {
            // Whom the answer is for: nobody but this RPC.
            participant_identity: id.clone(),
            value: Some(Value::RpcRequest(RpcRequest {
                id: id.clone(),
                method: request.method,
                payload: request.payload,
                response_timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
                version: VERSION,
                ..RpcRequest::default()
            })),
            ..DataPacket::default()
        };
        let bytes = Bytes::from(packet.encode_to_vec());
        if let Some(session) = participant.receiving {
            let sfu = &self.shared.sfu;
            let sent = sfu.send_data(session, DataChannel::Reliable, bytes).await;
            note(sent, "send an RPC");
        }
        let times = (Instant::now(), timeout);
        self.rpcs.begin(id, key, times, reply);
    }

    /// Takes the packets out of the stream that answer RPCs of the server.
    pub(super) fn take_rpc_answer(&mut self, from: ParticipantKey, bytes: &[u8]) -> bool {
        if self.rpcs.len() == 0 {
            return false;
        }
        let packet = DataPacket::decode(bytes);
        match packet.ok().and_then(|packet| packet.value) {
            Some(Value::RpcAck(ack)) => self.rpcs.acknowledge(from, &ack.request_id),
            Some(Value::RpcResponse(response)) => self.rpcs.finish(from, response),
            _ => false,
        }
    }
}
