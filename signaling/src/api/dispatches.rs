//! Methods about agents.

use livekit_protocol::{
    AgentDispatch, CreateAgentDispatchRequest, DeleteAgentDispatchRequest,
    ListAgentDispatchRequest, ListAgentDispatchResponse,
};

use super::caller::Caller;
use super::twirp::TwirpError;
use crate::ids;
use crate::room::Order;
use crate::room_settings::RoomSettings;

/// Bytes of the name of an agent.
const NAME_BYTES_MAX: usize = 256;

impl Caller<'_> {
    /// Calls an agent into a room, which is opened if there is none.
    pub(super) async fn create_dispatch(
        &self,
        request: CreateAgentDispatchRequest,
    ) -> Result<AgentDispatch, TwirpError> {
        self.must_administer(&request.room)?;
        let limit = &self.shared.config.limit;
        if request.room.is_empty() {
            return Err(TwirpError::invalid("no room name"));
        }
        if request.room.len() > limit.room_name_bytes_max {
            return Err(TwirpError::invalid("room name length exceeds limits"));
        }
        let names = [&request.agent_name, &request.deployment];
        if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(TwirpError::invalid("name length exceeds limits"));
        }
        if request.metadata.len() > limit.metadata_bytes_max {
            return Err(TwirpError::invalid("metadata size exceeds limits"));
        }
        let attributes = request.attributes.iter();
        let attributes_bytes: usize = attributes.map(|(key, value)| key.len() + value.len()).sum();
        if attributes_bytes > limit.attributes_bytes_max {
            return Err(TwirpError::invalid("attribute size exceeds limits"));
        }
        self.must_have_place_for(&request.room)?;
        self.shared
            .open_room(&request.room, &RoomSettings::default());
        let room = request.room.clone();
        let dispatch = Box::new(AgentDispatch {
            id: ids::dispatch_id(),
            agent_name: request.agent_name,
            room: request.room,
            metadata: request.metadata,
            restart_policy: request.restart_policy,
            deployment: request.deployment,
            attributes: request.attributes,
            state: None,
        });
        self.order(&room, |reply| Order::AddDispatch { dispatch, reply })
            .await
    }

    pub(super) async fn delete_dispatch(
        &self,
        request: DeleteAgentDispatchRequest,
    ) -> Result<AgentDispatch, TwirpError> {
        self.must_administer(&request.room)?;
        let id = request.dispatch_id;
        self.order(&request.room, |reply| Order::DeleteDispatch { id, reply })
            .await
    }

    pub(super) async fn list_dispatch(
        &self,
        request: ListAgentDispatchRequest,
    ) -> Result<ListAgentDispatchResponse, TwirpError> {
        self.must_administer(&request.room)?;
        let id = request.dispatch_id;
        let list = |reply| Order::ListDispatches { id, reply };
        let agent_dispatches = self.order(&request.room, list).await?;
        Ok(ListAgentDispatchResponse { agent_dispatches })
    }
}
