// A publisher (WHIP) and a player (WHEP) with nothing but RTCPeerConnection and fetch.
'use strict';

// What a session needs after its offer: candidates that come late go by PATCH, the end by DELETE.
class Resource {
  #offer;
  #waiting = [];
  #patched = Promise.resolve();

  constructor(url, token) {
    Object.assign(this, { url, token, location: null, tag: null, patches: [], links: null });
    this.connection = new RTCPeerConnection();
    this.connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) this.#waiting.push(candidate);
      if (this.location) this.#trickle();
    });
  }

  async begin() {
    await this.connection.setLocalDescription();
    this.#offer = this.connection.localDescription.sdp;
    const response = await this.#send('POST', this.url, 'application/sdp', this.#offer);
    if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
    this.location = new URL(response.headers.get('location'), this.url).href;
    this.tag = response.headers.get('etag');
    this.links = response.headers.get('link');
    await this.connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    this.#trickle();
  }

  // One PATCH after the other, as each has to name the ICE session (RFC 9725, section 4.3.2).
  #trickle() {
    const candidates = this.#waiting.splice(0);
    if (candidates.length === 0) return;
    const credentials = ['ice-ufrag', 'ice-pwd'].map((name) => new RegExp(`^a=${name}:.*$`, 'm').exec(this.#offer)[0]);
    const lines = candidates.map((candidate) => `a=${candidate.candidate}`);
    const body = [...credentials, 'm=audio 9 UDP/TLS/RTP/SAVPF 0', `a=mid:${candidates[0].sdpMid}`, ...lines, ''].join('\r\n');
    this.#patched = this.#patched.then(async () => {
      const response = await this.#send('PATCH', this.location, 'application/trickle-ice-sdpfrag', body, { 'if-match': this.tag });
      this.patches.push(response.status);
    });
  }

  // New credentials, and the answer's as a fragment: the sections stay as they are.
  async restart() {
    this.connection.restartIce();
    await this.connection.setLocalDescription();
    const sdp = this.connection.localDescription.sdp;
    const pick = (text, name) => new RegExp(`^a=${name}:(.*?)\r?$`, 'm').exec(text)[1];
    const body = ['ice-ufrag', 'ice-pwd'].map((name) => `a=${name}:${pick(sdp, name)}\r\n`).join('');
    const mid = pick(sdp, 'mid');
    const response = await this.#send('PATCH', this.location, 'application/trickle-ice-sdpfrag', `${body}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${mid}\r\n`, { 'if-match': '*' });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    this.#offer = sdp;
    this.tag = response.headers.get('etag');
    const fragment = await response.text();
    const answer = this.connection.currentRemoteDescription.sdp
      .replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${pick(fragment, 'ice-ufrag')}`).replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${pick(fragment, 'ice-pwd')}`);
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  async end() {
    await this.#patched;
    const { status } = await this.#send('DELETE', this.location);
    this.connection.close();
    return status;
  }

  #send(method, url, type, body, headers = {}) {
    const typed = type ? { 'content-type': type } : {};
    return fetch(url, { method, body, headers: { authorization: `Bearer ${this.token}`, ...typed, ...headers } });
  }
}

window.plain = {
  resource: null,

  // A picture that moves, and a tone. With `encodings` as simulcast.
  async publish(url, token, { width = 640, height = 360, encodings } = {}) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    let hue = 0;
    setInterval(() => {
      hue = (hue + 5) % 360;
      context.fillStyle = `hsl(${hue} 80% 50%)`;
      context.fillRect(0, 0, width, height);
      context.fillStyle = 'white';
      context.fillRect((hue * width) / 360, 100, 60, 60);
    }, 33);
    const audio = new AudioContext();
    const [tone, sink] = [audio.createOscillator(), audio.createMediaStreamDestination()];
    tone.connect(sink);
    tone.start();
    const resource = (plain.resource = new Resource(url, token));
    resource.connection.addTransceiver(sink.stream.getAudioTracks()[0], { direction: 'sendonly' });
    resource.connection.addTransceiver(canvas.captureStream(30).getVideoTracks()[0], { direction: 'sendonly', sendEncodings: encodings });
    await resource.begin();
  },

  async play(url, token) {
    const resource = (plain.resource = new Resource(url, token));
    const shown = (document.querySelector('video').srcObject = new MediaStream());
    resource.connection.addEventListener('track', ({ track }) => shown.addTrack(track));
    resource.connection.addTransceiver('audio', { direction: 'recvonly' });
    resource.connection.addTransceiver('video', { direction: 'recvonly' });
    await resource.begin();
  },

  // What is received: pictures, their width, and sound.
  async received() {
    const all = [...(await plain.resource.connection.getStats()).values()].filter((entry) => entry.type === 'inbound-rtp');
    const [video, audio] = ['video', 'audio'].map((kind) => all.find((entry) => entry.kind === kind));
    return { frames: video?.framesDecoded ?? 0, width: video?.frameWidth, energy: audio?.totalAudioEnergy ?? 0 };
  },

  // The mean colour of the picture that is shown.
  colour() {
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const context = canvas.getContext('2d');
    context.drawImage(document.querySelector('video'), 0, 0, 8, 8);
    const { data } = context.getImageData(0, 0, 8, 8);
    return [0, 1, 2].map((channel) => data.filter((_, at) => at % 4 === channel).reduce((sum, value) => sum + value, 0) / 64);
  },
};
