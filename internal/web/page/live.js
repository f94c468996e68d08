// The connection to the bridge: it comes back by itself, and says how it stands.
import { setClock } from "./clock.js";

const silence = 40_000; // two beats of the server that did not come: the connection is dead, whatever the browser thinks
const slowest = 15_000; // between two tries

// digits keeps numbers as they were sent where they are values of the vendor: 4.70 must not become 4.7.
const digits = (key, value, context) => (key === "value" && typeof value === "number" ? context?.source ?? String(value) : value);

export class Live {
  #onPicture;
  #onState;
  #query = "";
  #source = null;
  #retry = null;
  #watch = null;
  #tries = 0;

  // onPicture is given parts of the picture; onState "live", "lost", or "full" where there are too many pages.
  constructor(onPicture, onState) {
    this.#onPicture = onPicture;
    this.#onState = onState;
    addEventListener("online", () => this.#open());
    addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  // ask opens the stream for a query, in place of the one before.
  ask(query) {
    this.#query = query;
    this.#open();
  }

  #open() {
    clearTimeout(this.#retry);
    this.#source?.close();
    const source = new EventSource("events" + this.#query);
    this.#source = source;
    source.onmessage = (event) => this.#heard(event, (parts) => this.#onPicture(parts));
    source.addEventListener("beat", (event) => this.#heard(event, () => {}));
    source.onerror = () => this.#failed();
    this.#listen();
  }

  #heard(event, then) {
    const parts = JSON.parse(event.data, digits);
    setClock(parts.at);
    this.#tries = 0;
    this.#listen();
    this.#onState("live");
    then(parts);
  }

  // #listen waits for the next word. A connection that was cut without a goodbye makes no error for minutes.
  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#failed(), silence);
  }

  // #failed tries again at growing distances. The browser's own way gives up at the first answer that is no stream.
  #failed() {
    this.#source.close();
    clearTimeout(this.#watch);
    clearTimeout(this.#retry);
    this.#onState("lost");
    this.#wonder(this.#source);
    const wait = Math.min(slowest, 1000 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  // #wonder finds out whether the bridge is there but has refused: the browser does not say why a stream has failed.
  async #wonder(source) {
    const answer = await fetch("events", { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (answer?.status === 503 && source === this.#source) this.#onState("full");
  }
}
