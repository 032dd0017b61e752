/*
 * The chat page: reads what the server put into it, makes the parts and joins them. Decides nothing itself.
 */
import { refuseFiles, startAttaching } from "../components/attaching.js";
import { startComposer, setText } from "../components/composer.js";
import { startDetails } from "../components/details.js";
import { startKeys } from "../components/keys.js";
import { startMessageActs } from "../components/message-acts.js";
import { startJumpButton, startReader } from "../components/reader.js";
import { startSegments } from "../components/texts.js";
import { startSidebar } from "../components/sidebar.js";
import { startSignOut } from "../components/sign-out.js";
import { startConnectionBanner, startTitle, startTyping } from "../components/status.js";
import { startSwitcher } from "../components/switcher.js";
import { Timeline } from "../components/timeline.js";
import { startPosting } from "../components/posting.js";
import * as api from "../models/api.js";
import { byId } from "../models/conversations.js";
import { Cursors } from "../models/cursors.js";
import { Outbox } from "../models/outbox.js";
import { openPostsStore } from "../models/posts-store.js";
import { Session } from "../models/session.js";
import { ChatSocket } from "../models/socket.js";
import { createStore } from "../models/store.js";

const element = (id) => document.getElementById(id);
const data = (id) => JSON.parse(element(id).textContent);

const boot = data("bootstrap");
const store = createStore({
  me: boot.me,
  openId: boot.conversation?.id ?? null,
  conversations: byId(data("sidebar-data").flatMap(({ items }) => items)),
  connection: "connecting",
  isMember: true,
  isReading: false,
  typing: new Map(),
  here: new Set(),
  limits: boot.limits,
  serverBuild: boot.build,
});
const { openId } = store.state;
const cursors = new Cursors(Object.fromEntries(boot.heads.map(([c, head]) => [c, head])));
const composer = element("composer");
const timeline = openId === null ? null : new Timeline({ root: element("timeline"), conversationId: openId, me: boot.me, api, hasOlder: boot.has_more });
const session = new Session({ store, cursors, api, timeline });
const socket = new ChatSocket({ url: socketAddress(), cursors: () => cursors.only(openId) });
const outboxName = `onrecord-outbox-${boot.me.id}`;
const outbox = new Outbox({
  name: outboxName,
  store: await openPostsStore(outboxName),
  send: sendPost,
  channel: new BroadcastChannel(outboxName),
  locks: navigator.locks,
});

startSidebar({ store, place: element("sidebar-list") });
startTitle({ store });
startSignOut({ outbox });
startKeys({ store, openSwitcher: startOpening(), go, timeline, composer });
if (timeline) startConversation();
startSocket();
outbox.start();

function startConversation() {
  const posting = startPosting({ timeline, outbox, conversationId: openId });
  startReader({ store, session, timeline, sendRead, channel: new BroadcastChannel(`onrecord-read-${boot.me.id}`), cursor: () => cursors.get(openId) ?? 0 });
  startJumpButton({ timeline, button: element("jump-latest"), label: element("jump-latest-text") });
  startConnectionBanner({ store, place: element("connection") });
  const attaching = composer && startFiles();
  const edit = async (text, key) => {
    if (!composer) return;
    setText({ form: composer, store, text });
    const post = (await outbox.posts()).find(({ client_key }) => client_key === key);
    if (post?.files) attaching.add(post.files);
  };
  startMessageActs({ root: element("timeline"), conversationId: openId, api, outbox, edit, reasons: data("report-reasons") });
  const refreshPeople = startDetails({ store, api, conversationId: openId, members: boot.members });
  for (const change of ["membership", "contact"]) session.addEventListener(change, refreshPeople);
  if (composer) startWriting(posting, attaching);
}

function startFiles() {
  const parts = { form: composer, place: element("main") };
  if (!boot.attachments) return refuseFiles(parts);
  return startAttaching({ ...parts, list: element("composer-files"), api, limits: boot.attachments });
}

function startWriting(posting, attaching) {
  startTyping({ store, place: element("typing") });
  startComposer({ form: composer, store, post: posting.post, attaching, typing: () => socket.send({ t: "typing", c: openId }) });
  if (boot.conversation.kind === "client") startSegments({ form: composer, place: element("segments"), conversationId: openId, api });
}

function startOpening() {
  const openSwitcher = startSwitcher({ dialog: element("switcher"), store, go });
  element("open-switcher").addEventListener("click", openSwitcher);
  return openSwitcher;
}

function startSocket() {
  socket.addEventListener("frame", (/** @type {CustomEvent} */ { detail }) => session.take(detail));
  socket.addEventListener("state", (/** @type {CustomEvent} */ { detail }) => store.change({ connection: detail }));
  store.listen(({ connection }) => (document.documentElement.dataset.connection = connection));
  for (const source of [socket, session, outbox]) source.addEventListener("signedout", toSignIn);
  store.listen(({ connection }, previous) => connection === "online" && previous.connection !== "online" && outbox.hurry());
  window.addEventListener("online", () => {
    socket.ping();
    outbox.hurry();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && socket.ping());
  // A page that comes back from the back-forward cache has an old socket and an old list.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  // The server answers again: no reason to wait for the socket's next try.
  outbox.addEventListener("sent", () => socket.open());
  socket.open();
}

/* Files first, each once: what is up already is not sent up again by the next try. */
async function sendPost({ c, client_key, body, files = [] }) {
  for (const file of files) file.upload ??= (await api.sendUp(file.file)).id;
  const attachments = files.map(({ upload }) => upload);
  return api.post(`conversations/${c}/messages`, { client_key, body, ...(files.length > 0 && { attachments }) });
}

function sendRead(n) {
  if (!socket.send({ t: "read", c: openId, n })) api.post(`conversations/${openId}/read`, { n }).catch(() => {});
}

function go({ id }) {
  location.assign(`/c/${id}/`);
}

function toSignIn() {
  socket.stop();
  location.assign(`${boot.urls.sign_in}?next=${encodeURIComponent(location.pathname)}`);
}

function socketAddress() {
  const address = new URL(boot.urls.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address;
}
