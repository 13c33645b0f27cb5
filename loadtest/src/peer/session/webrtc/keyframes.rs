//! Lets requests for keyframes through to us. Of itself `rtc` keeps all feedback for itself.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::packet::Packet as Feedback;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// The SSRCs that a packet of feedback wants keyframes of.
pub(super) fn wanted(feedback: &dyn Feedback) -> Vec<u32> {
    let feedback = feedback.as_any();
    if let Some(loss) = feedback.downcast_ref::<PictureLossIndication>() {
        return vec![loss.media_ssrc];
    }
    let request = feedback.downcast_ref::<FullIntraRequest>();
    let entries = request.map(|request| request.fir.iter().map(|entry| entry.ssrc));
    entries.into_iter().flatten().collect()
}

/// A link of the chain that each packet passes, both ways. Its queues are emptied after each packet.
#[derive(Default)]
pub(super) struct KeyframeRequests {
    incoming: VecDeque<TaggedPacket>,
    outgoing: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for KeyframeRequests {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(all) = &mut message.message.packet {
            all.retain(|feedback| !wanted(feedback.as_ref()).is_empty());
            if !all.is_empty() {
                message.message.add(Attribute::DeliverToApplication);
            }
        }
        self.incoming.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.incoming.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.outgoing.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outgoing.pop_front()
    }
}

impl Interceptor for KeyframeRequests {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
