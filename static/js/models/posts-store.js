/*
 * Where the outbox keeps its posts: IndexedDB, or this page's memory where the browser forbids storage.
 * A post gets a growing `id` when it is added; `put` changes one that is kept, and what was removed stays so. Keeps and
 * returns, judges nothing.
 */
import { openDB } from "../../vendor/idb.js";

const STORE = "posts";

/** Return the store of this name; falls back to memory, which lasts as long as the page. */
export async function openPostsStore(name) {
  try {
    return indexedPosts(await openDatabase(name));
  } catch {
    return memoryPosts();
  }
}

function openDatabase(name) {
  return openDB(name, 1, {
    upgrade(fresh) {
      const posts = fresh.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
      posts.createIndex("client_key", "client_key", { unique: true });
    },
  });
}

function indexedPosts(db) {
  return {
    all: () => db.getAll(STORE),
    add: (post) => db.add(STORE, post),
    put: (post) => putKept(db, post),
    remove: (id) => db.delete(STORE, id),
    find: (clientKey) => db.getFromIndex(STORE, "client_key", clientKey),
    clear: () => db.clear(STORE),
  };
}

/* Its author may have given it up, or signed out, while it was on its way. */
async function putKept(db, post) {
  const change = db.transaction(STORE, "readwrite");
  if (await change.store.getKey(post.id)) await change.store.put(post);
  await change.done;
}

/** Return a store that forgets everything with the page. */
export function memoryPosts() {
  const posts = new Map();
  let lastId = 0;
  return {
    all: async () => [...posts.values()],
    async add(post) {
      lastId += 1;
      posts.set(lastId, { ...post, id: lastId });
    },
    put: async (post) => void (posts.has(post.id) && posts.set(post.id, post)),
    remove: async (id) => void posts.delete(id),
    find: async (clientKey) => [...posts.values()].find((post) => post.client_key === clientKey),
    clear: async () => posts.clear(),
  };
}
