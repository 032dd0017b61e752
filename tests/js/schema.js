/* Enough of JSON Schema to hold frames against docs/frames.schema.json; an unknown keyword is an error, not a pass. */
import { readFileSync } from "node:fs";

const schema = JSON.parse(readFileSync(new URL("../../docs/frames.schema.json", import.meta.url), "utf8"));
const SILENT = new Set(["examples", "title", "description"]);

const typeOf = (value) => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
};
const isObject = (value) => typeOf(value) === "object";
const passes = (part, value) => check(part, value).length === 0;

const KEYWORDS = {
  $ref: (ref, value) => check(schema.$defs[ref.replace("#/$defs/", "")], value),
  type: (types, value) => ([types].flat().includes(typeOf(value)) ? [] : [`is no ${types}`]),
  const: (wanted, value) => (value === wanted ? [] : [`is not ${wanted}`]),
  enum: (wanted, value) => (wanted.includes(value) ? [] : [`is none of ${wanted}`]),
  required: (names, value) => names.filter((name) => isObject(value) && !(name in value)).map((name) => `lacks ${name}`),
  properties: (parts, value) => Object.keys(parts).flatMap((name) => (isObject(value) && name in value ? check(parts[name], value[name]) : [])),
  additionalProperties: (part, value) => Object.values(value).flatMap((one) => check(part, one)),
  propertyNames: (part, value) => Object.keys(value).flatMap((name) => check(part, name)),
  maxProperties: (most, value) => (Object.keys(value).length <= most ? [] : ["has too many"]),
  items: (part, value) => value.flatMap((one) => check(part, one)),
  minItems: (least, value) => (value.length >= least ? [] : ["is too short"]),
  maxItems: (most, value) => (value.length <= most ? [] : ["is too long"]),
  minLength: (least, value) => (value.length >= least ? [] : ["is too short"]),
  pattern: (pattern, value) => (new RegExp(pattern, "u").test(value) ? [] : [`${value} is not like ${pattern}`]),
  minimum: (least, value) => (value >= least ? [] : ["is too small"]),
  maximum: (most, value) => (value <= most ? [] : ["is too large"]),
  allOf: (parts, value) => parts.flatMap((part) => check(part, value)),
  anyOf: (parts, value) => (parts.some((part) => passes(part, value)) ? [] : ["fits none"]),
  oneOf: (parts, value) => (parts.filter((part) => passes(part, value)).length === 1 ? [] : ["fits not exactly one"]),
  if: (part, value, { then }) => (passes(part, value) ? check(then, value) : []),
  then: () => [],
};

function check(part, value) {
  return Object.entries(part).flatMap(([keyword, rule]) => (SILENT.has(keyword) ? [] : KEYWORDS[keyword](rule, value, part)));
}

/** Return what is wrong with a frame of a side ("client" or "server"); an empty list when it is as described. */
export const faultsOf = (side, frame) => check(schema.$defs[side], frame);

/** Return the examples of the frames that a side sends. */
export const examplesOf = (side) =>
  schema.$defs[side].oneOf.flatMap(({ $ref }) => schema.$defs[$ref.replace("#/$defs/", "")].examples ?? []);
