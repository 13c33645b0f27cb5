// Firefox as the system installs it, driven over WebDriver BiDi: as much of a browser as Stage needs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const PATIENCE = 60_000;

// Devices that need no hardware and no question, addresses of the loopback, and no talk with Mozilla.
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.enabled': false,
};

export async function launchFirefox() {
  const profile = await mkdtemp(join(tmpdir(), 'firefox-'));
  await writeFile(join(profile, 'user.js'), Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${value});\n`).join(''));
  const path = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
  const program = spawn(path, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile } });
  const ended = once(program, 'exit');
  process.once('exit', () => program.kill()); // also when a test ends badly
  try {
    const address = await Promise.race([
      new Promise((resolve) => createInterface({ input: program.stderr }).on('line', (line) => {
        const [, found] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
        if (found) resolve(found);
      })),
      ended.then(() => { throw new Error(`${path} ended before it could be driven`); }),
      new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error(`${path} can't be driven after ${PATIENCE} ms`)).unref()),
    ]);
    const driver = await Driver.connect(`${address}/session`);
    const { capabilities } = await driver.send('session.new', { capabilities: {} });
    return new Browser(driver, capabilities.browserVersion, async () => { program.kill(); await ended; await rm(profile, { recursive: true, force: true }); });
  } catch (error) {
    program.kill();
    throw error;
  }
}

class Driver {
  #socket;
  #asked = new Map();
  #last = 0;

  static async connect(url) {
    const driver = new Driver();
    driver.#socket = new WebSocket(url);
    driver.#socket.on('message', (text) => driver.#receive(JSON.parse(text)));
    driver.#socket.on('close', () => {
      for (const { reject } of driver.#asked.values()) reject(new Error('Firefox is gone'));
      driver.#asked.clear();
    });
    await once(driver.#socket, 'open');
    return driver;
  }

  #receive({ id, type, result, error, message }) {
    const { resolve, reject } = this.#asked.get(id) ?? {};
    this.#asked.delete(id);
    if (type === 'success') resolve?.(result);
    else reject?.(new Error(`${error}: ${message}`));
  }

  send(method, params) {
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close() {
    this.#socket.terminate();
  }
}

class Browser {
  #driver;
  #version;
  #end;

  constructor(driver, version, end) {
    [this.#driver, this.#version, this.#end] = [driver, version, end];
  }

  version() {
    return this.#version;
  }

  async newContext() {
    const { userContext } = await this.#driver.send('browser.createUserContext', {});
    const context = {
      newPage: async () => new Page(this.#driver, context, (await this.#driver.send('browsingContext.create', { type: 'tab', userContext })).context),
      close: () => this.#driver.send('browser.removeUserContext', { userContext }),
    };
    return context;
  }

  async close() {
    this.#driver.close();
    await this.#end();
  }
}

class Page {
  #driver;
  #context;
  #tab;

  constructor(driver, context, tab) {
    [this.#driver, this.#context, this.#tab] = [driver, context, tab];
  }

  context() {
    return this.#context;
  }

  setDefaultTimeout() {}

  goto(url) {
    return this.#driver.send('browsingContext.navigate', { context: this.#tab, url, wait: 'complete' });
  }

  // As Playwright's: a function of the page with one argument; both ways as JSON.
  async evaluate(run, argument = null) {
    const answer = await this.#driver.send('script.callFunction', {
      functionDeclaration: `async (argument) => JSON.stringify((await (${run})(JSON.parse(argument))) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(argument) }],
      target: { context: this.#tab },
      awaitPromise: true,
      userActivation: true,
    });
    if (answer.type === 'exception') throw new Error(`in Firefox: ${answer.exceptionDetails.text}`);
    return JSON.parse(answer.result.value) ?? undefined;
  }
}
