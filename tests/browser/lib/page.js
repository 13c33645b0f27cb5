// What a test asks of a page: one participant, with plain livekit-client.
'use strict';

const { Room, RoomEvent, Track, VideoQuality, VideoPreset, createLocalVideoTrack } = LivekitClient;

// Some scenarios show only in the signalling's socket.
let sockets = 0;
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener('open', () => { sockets += 1; });
  }
};

const peer = (window.peer = {
  room: null,
  events: [],
  data: [],

  async join({ url, token, single, adaptiveStream = false, dynacast = true, autoSubscribe = true, without }) {
    if (without) peer.forget(without);
    const room = new Room({ adaptiveStream, dynacast, singlePeerConnection: single, webAudioMix: false, publishDefaults: { stopMicTrackOnMute: false } });
    peer.room = room;
    for (const name of Object.values(RoomEvent)) {
      room.on(name, (...args) => peer.events.push({ name, identity: args.map((a) => a?.identity).find(Boolean), first: typeof args[0] === 'object' ? undefined : args[0] }));
    }
    room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      const element = track.attach();
      element.dataset.identity = participant.identity;
      element.dataset.source = publication.source;
      document.getElementById('tiles').append(element);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
    room.on(RoomEvent.DataReceived, (payload, participant, kind, topic) =>
      peer.data.push({ text: new TextDecoder().decode(payload), from: participant?.identity, topic }));
    await room.connect(url, token, { autoSubscribe });
    return room.localParticipant.sid;
  },

  // Lets this page offer and answer without a codec, as a browser that doesn't know it.
  forget(codec) {
    const isKept = ({ mimeType }) => mimeType.toLowerCase() !== `video/${codec}`;
    for (const name of ['createOffer', 'createAnswer']) {
      const make = RTCPeerConnection.prototype[name];
      RTCPeerConnection.prototype[name] = function (...args) {
        const codecs = RTCRtpReceiver.getCapabilities('video').codecs.filter(isKept);
        const videos = this.getTransceivers().filter(({ receiver, direction }) => receiver.track.kind === 'video' && direction !== 'stopped');
        for (const transceiver of videos) transceiver.setCodecPreferences(codecs);
        return make.apply(this, args);
      };
    }
  },

  async publishCamera({ width = 640, height = 360, simulcast = true, codec = 'vp8', scalabilityMode, backupCodec = false, backupCodecPolicy } = {}) {
    const track = await createLocalVideoTrack({ resolution: { width, height, frameRate: 30 } });
    const layers = simulcast ? [new VideoPreset(width / 4, height / 4, 120_000, 20), new VideoPreset(width / 2, height / 2, 300_000, 25)] : [];
    const publication = await peer.room.localParticipant.publishTrack(track, {
      source: Track.Source.Camera, simulcast, videoCodec: codec, scalabilityMode, backupCodec, backupCodecPolicy,
      videoEncoding: { maxBitrate: 900_000, maxFramerate: 30 }, videoSimulcastLayers: layers,
    });
    return publication.trackSid;
  },

  // Clients before 2.0 have other names for the others and for the publication of a source.
  get others() {
    return [...(peer.room?.remoteParticipants ?? peer.room?.participants ?? new Map()).values()];
  },

  other(identity) {
    return peer.others.find((participant) => participant.identity === identity);
  },

  publicationOf(participant, source = 'camera') {
    return participant?.getTrack ? participant.getTrack(source) : participant?.getTrackPublication(source);
  },

  // A remote publication by identity and source, or undefined.
  publication(identity, source = 'camera') {
    return peer.publicationOf(peer.other(identity), source);
  },

  // This page's own publication.
  own(source = 'camera') {
    return peer.publicationOf(peer.room.localParticipant, source);
  },

  send(text, { reliable = true, topic } = {}) {
    const bytes = new TextEncoder().encode(text);
    const { localParticipant } = peer.room;
    return peer.room.participants ? localParticipant.publishData(bytes, reliable ? 0 : 1, { topic }) : localParticipant.publishData(bytes, { reliable, topic });
  },

  // Sends a packet to one who is there; false if they aren't yet.
  async offerData(to, from, reliable) {
    if (!peer.other(to)) return false;
    await peer.send(`from ${from}`, { reliable, topic: String(reliable) });
    return true;
  },

  // Decoded frames, size and packets of a remote track; undefined while there is none.
  async inbound(identity, source = 'camera') {
    const receiver = peer.publication(identity, source)?.track?.receiver;
    if (!receiver) return undefined;
    const found = [...(await receiver.getStats()).values()].find((s) => s.type === 'inbound-rtp');
    return found && { frames: found.framesDecoded ?? 0, width: found.frameWidth, height: found.frameHeight, packets: found.packetsReceived, bytes: found.bytesReceived, energy: found.totalAudioEnergy };
  },

  // The codec in which a remote track comes, as `video/VP8`.
  async codec(identity) {
    const stats = await peer.publication(identity)?.track?.receiver?.getStats();
    const found = stats && [...stats.values()].find((s) => s.type === 'inbound-rtp');
    return stats?.get(found?.codecId)?.mimeType;
  },

  // What this page sends of its camera, one entry per layer; of its second codec if that is named.
  async outbound(source = 'camera', backup = undefined) {
    const track = peer.own(source)?.track;
    const sender = backup ? track?.simulcastCodecs.get(backup)?.sender : track?.sender;
    if (!sender) return [];
    return [...(await sender.getStats()).values()].filter((s) => s.type === 'outbound-rtp')
      .map((s) => ({ rid: s.rid, active: s.active, frames: s.framesEncoded, width: s.frameWidth, height: s.frameHeight }));
  },

  // Bytes per packet of this page's microphone, or of another's as it comes here; undefined before 50 packets.
  async soundPacketBytes(identity) {
    const track = (identity ? peer.publication(identity, 'microphone') : peer.own('microphone'))?.track;
    const end = identity ? track?.receiver : track?.sender;
    const flow = [...((await end?.getStats())?.values() ?? [])].find((s) => s.type === (identity ? 'inbound-rtp' : 'outbound-rtp'));
    const [packets, bytes] = identity ? [flow?.packetsReceived, flow?.bytesReceived] : [flow?.packetsSent, flow?.bytesSent];
    return packets >= 50 ? bytes / packets : undefined;
  },

  // True once `frames` more pictures of the wanted size were decoded within `seconds`.
  async sees(identity, { frames = 10, seconds = 10, width, source = 'camera' } = {}) {
    const end = performance.now() + seconds * 1000;
    let first, last;
    while (performance.now() < end) {
      last = await peer.inbound(identity, source);
      const fits = last?.frames > 0 && (width === undefined || last.width === width);
      if (!fits) first = undefined;
      else if (first === undefined || last.frames < first.frames) first = { ...last, at: performance.now() };
      else if (last.frames - first.frames >= frames) return { ...last, fps: ((last.frames - first.frames) * 1000) / (performance.now() - first.at) };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${peer.room.localParticipant.identity} does not see ${identity} (${source}, ${frames} frames, width ${width}) in ${seconds} s: ${JSON.stringify(last)}`);
  },

  // Pictures per second: the first second and a half at `wanted` or more, or the best of ten seconds.
  async rate(identity, wanted, source = 'camera') {
    await peer.sees(identity, { frames: 5, source });
    const end = performance.now() + 10_000;
    let best = 0;
    while (best < wanted && performance.now() < end) {
      const [first, start] = [await peer.inbound(identity, source), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const last = await peer.inbound(identity, source);
      best = Math.max(best, ((last.frames - first.frames) * 1000) / (performance.now() - start));
    }
    return best;
  },

  ask(identity, quality) {
    peer.publication(identity).setVideoQuality(VideoQuality[quality]);
  },

  // Sends a data packet with a false sender, past the SDK: DataPacket {user: {payload}, participant_identity, participant_sid}.
  forge(identity, payload) {
    const text = (s) => [...new TextEncoder().encode(s)];
    const field = (number, bytes) => [...(number < 16 ? [(number << 3) | 2] : [((number << 3) | 2) & 0x7f | 0x80, number >> 4]), bytes.length, ...bytes];
    const packet = [...field(2, field(2, text(payload))), ...field(4, text(identity)), ...field(17, text(`PA_${identity}`))];
    peer.room.engine.dataChannelForKind(0).send(new Uint8Array(packet));
  },

  get sockets() {
    return sockets;
  },

  count(name, identity) {
    return peer.events.filter((e) => e.name === name && (identity === undefined || e.identity === identity)).length;
  },
});
