/**
 * Serendip from a browser: slates, similar items, and events that survive a bad network and the end of the page.
 * An ES module without dependencies. Every request may be repeated: an event has its id before it is first sent.
 */

const AGAIN = new Set([429, 502, 503, 504]);
const FIRST = 100; // ms before the second attempt; doubles, spread by chance
const LONGEST = 30_000; // ms that are waited at most
const MOST = 1000; // events of one request
const LAST_WORDS = 60_000; // bytes that a page may still send when it ends

/** The server answered that it cannot. status: of HTTP; code: the server's, for programs. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.code = code;
  }
}

/** There was no answer, however often it was asked for. */
export class Unanswered extends Error {
  constructor(message, cause) {
    super(message, { cause });
    this.name = "Unanswered";
  }
}

export class Client {
  #address;
  #headers;
  #queue = []; // events that wait to be sent
  #sending = []; // events whose answer is awaited
  #timer = null;

  /**
   * address: of the server, "" for the page's own; key: public once it is in a page, so one with the scope `events` only;
   * timeout: ms an attempt; retries: how often a request is sent again; every: ms that events are gathered for.
   */
  constructor(address = "", { key = null, timeout = 5000, retries = 3, every = 1000 } = {}) {
    this.#address = address.replace(/\/+$/, "");
    this.#headers = key === null ? {} : { Authorization: `Bearer ${key}` };
    this.timeout = timeout;
    this.retries = retries;
    this.every = every;
    const end = () => {
      if (document.visibilityState === "hidden") this.#lastWords();
    };
    addEventListener("visibilitychange", end, true);
    addEventListener("pagehide", () => this.#lastWords());
  }

  /**
   * Return a user's slate. context: what is known of the request, as {device: "phone"}; pipeline: the name of one;
   * trace: with what each stage left out; contributions: with what each score is made of.
   */
  recommend(userId, { k, history, context = {}, pipeline, trace, contributions } = {}) {
    const told = Object.entries(context).map(([name, value]) => [`context.${name}`, value]);
    const query = { k, history, pipeline, trace, contributions, ...Object.fromEntries(told) };
    return this.#ask("GET", path(["users", userId, "recommendations"], query));
  }

  /**
   * Return the slate of whoever brings this history: item ids or events, the oldest first. userId: whose session it
   * is, on top of what the server has of the user; itemId: the item whose page it is for.
   */
  recommendFor(history, { userId, itemId, ...how } = {}) {
    return this.#ask("POST", path(["recommend"]), { history, user_id: userId, item_id: itemId, ...how });
  }

  /** Return the slate of a group. aggregate: average, least-misery or most-pleasure. */
  recommendTogether(userIds, { aggregate, ...how } = {}) {
    return this.#ask("POST", path(["recommend"]), { users: userIds, aggregate, ...how });
  }

  /** Return the items most like one. */
  similar(itemId, { k } = {}) {
    return this.#ask("GET", path(["items", itemId, "similar"], { k }));
  }

  /** Return the contributions to an item's score. */
  explain(userId, itemId, { pipeline } = {}) {
    return this.#ask("GET", path(["users", userId, "explanations", itemId], { pipeline }));
  }

  /** Return what to ask a newcomer after these answers: lists of ids and of tags. n: questions at once. */
  onboarding({ like, dislike, unknown, likeTag, dislikeTag, unknownTag, userId, n, k } = {}) {
    const tags = { like_tag: likeTag, dislike_tag: dislikeTag, unknown_tag: unknownTag };
    return this.#ask("GET", path(["onboarding"], { like, dislike, unknown, ...tags, user_id: userId, n, k }));
  }

  /** Return items whose id begins with a text, or whose attributes hold its words. */
  items(text, { k } = {}) {
    return this.#ask("GET", path(["items"], { q: text, k }));
  }

  /** Return what is said of an item. */
  item(itemId) {
    return this.#ask("GET", path(["items", itemId]));
  }

  /** Record one event or a list of up to 1,000 now; they are on the server's disk when this resolves. */
  record(events) {
    return this.#ask("POST", path(["events"]), [events].flat().map(named));
  }

  /** Record an event soon, together with others; what still waits when the page ends is sent then. */
  track(event) {
    this.#queue.push(named(event));
    this.#timer ??= setTimeout(() => this.flush().catch(() => {}), this.every);
  }

  /** Send the events that wait; resolves when they are recorded. Those that could not be sent wait on. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const sent = this.#queue.splice(0, MOST);
    if (!sent.length) return;
    this.#sending.push(...sent);
    try {
      await this.record(sent);
    } catch (error) {
      if (error instanceof Unanswered || AGAIN.has(error.status)) {
        this.#queue.unshift(...sent);
        this.#timer ??= setTimeout(() => this.flush().catch(() => {}), LONGEST);
      }
      throw error;
    } finally {
      this.#sending = this.#sending.filter((one) => !sent.includes(one));
    }
    if (this.#queue.length) await this.flush();
  }

  /** Hand what is not acknowledged to the browser, which sends it although the page ends. */
  #lastWords() {
    const left = [...this.#sending, ...this.#queue];
    for (const part of parts(left)) {
      const url = this.#address + path(["events"]);
      if (this.#headers.Authorization) {
        // a beacon carries no header
        fetch(url, { method: "POST", body: part, headers: this.#headers, keepalive: true }).catch(() => {});
      } else {
        navigator.sendBeacon(url, part); // as text, so that no permission has to be asked for first
      }
    }
  }

  async #ask(method, where, body) {
    for (let n = 0; ; n++) {
      let answer = null;
      let wait = Math.random() * Math.min(FIRST * 2 ** n, LONGEST);
      try {
        answer = await this.#attempt(method, where, body);
        if (answer.ok) return await answer.json();
      } catch (cause) {
        if (n >= this.retries) throw new Unanswered(`${this.#address || "the server"} did not answer`, cause);
      }
      if (answer !== null && !answer.ok) {
        const asked = 1000 * Number(answer.headers.get("retry-after") ?? 0) || 0;
        if (!AGAIN.has(answer.status) || n >= this.retries || asked > LONGEST) throw await refused(answer);
        wait += asked;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  #attempt(method, where, body) {
    const asked = { method, headers: { ...this.#headers }, signal: AbortSignal.timeout(this.timeout) };
    if (body !== undefined) {
      asked.headers["Content-Type"] = "application/json";
      asked.body = JSON.stringify(body);
    }
    return fetch(this.#address + where, asked);
  }
}

function path(steps, query = {}) {
  const each = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const given = each.filter(([, value]) => value !== undefined && value !== null);
  const asked = given.length ? `?${new URLSearchParams(given)}` : "";
  return `/v1/${steps.map((step) => encodeURIComponent(step)).join("/")}${asked}`;
}

function named(event) {
  return { event_id: id(), ...event };
}

function id() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return events as JSON, in parts that a browser takes at the end of a page. */
function parts(events) {
  const made = [];
  let part = [];
  let size = 0;
  for (const one of events.map((event) => JSON.stringify(event))) {
    const bytes = new Blob([one]).size + 1;
    if (part.length && (size + bytes > LAST_WORDS || part.length >= MOST)) {
      made.push(`[${part}]`);
      part = [];
      size = 0;
    }
    part.push(one);
    size += bytes;
  }
  if (part.length) made.push(`[${part}]`);
  return made;
}

async function refused(answer) {
  try {
    const said = await answer.json();
    return new Refused(answer.status, String(said.code), String(said.message));
  } catch {
    return new Refused(answer.status, "not_understood", `the server answered with status ${answer.status}`);
  }
}
