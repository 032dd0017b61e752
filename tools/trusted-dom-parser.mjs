/*
 * Injected into the htmx bundle in place of the browser's DOMParser.
 * Answers of our own server are the only thing htmx parses; they pass the one Trusted Types policy of the pages.
 */
import { trustServerHtml } from "../js/trusted.js";

const NativeParser = globalThis.DOMParser;

class TrustedDOMParser {
  parseFromString(text, type) {
    return new NativeParser().parseFromString(trustServerHtml(text), type);
  }
}

export { TrustedDOMParser as DOMParser };
