#!/bin/sh
# Check an export, a segment or a published record with sh, awk, openssl and coreutils only: sh verify.sh KEY [FOLDER]
#
# KEY is the firm's verifier key, got by another way than the folder. It makes the checks that docs/record-format.md
# numbers, as verify.py does, and shares no code with it. Programs are started once for thousands of hashes: awk writes
# every leaf and node into a small file of a temporary folder, in memory where the machine has one, and one sha256sum
# reads them all. So 100,000 entries take minutes. It writes nowhere else, and stops at the first batch in which
# something is wrong. Exit status: 0 verified, 1 wrong, 2 bad usage or a tool that is missing.
set -u
exec 3>&1 # for what is refused while standard output goes into a file
LC_ALL=C
export LC_ALL
PATTERN_64='????????????????????????????????????????????????????????????????'

refuse() { # what
	# What the package says must not steer the terminal that it is shown on.
	printf 'NOT VERIFIED: %s\n' "$(printf '%s' "$1" | tr -c '[:print:]' '?')" >&3
	exit 1
}

is_number() { # text: decimal without leading zero, small enough to count with
	case $1 in '' | 0?* | *[!0-9]* | ????????????????*) return 1 ;; esac
}

is_hex() { # text, length
	[ "${#1}" -eq "$2" ] || return 1
	case $1 in *[!0-9a-f]*) return 1 ;; esac
}

to_hex() { # bytes on standard input
	od -An -v -tx1 | tr -d ' \n'
}

hash_of() { # bytes on standard input; the answer is in $hash
	hash=$(sha256sum)
	hash=${hash%% *}
}

require_lines() { # file: text in whole lines, so that every tool reads the same bytes
	[ -f "$1" ] && [ ! -L "$1" ] || refuse "$1: the file is missing"
	[ "$(tr -d '\000' <"$1" | wc -c)" -eq "$(wc -c <"$1")" ] && [ -z "$(tail -c 1 "$1")" ] ||
		refuse "$1: is cut short, or has bytes that are not text"
}

walk() { # name of a program below: run it with what they share; what it refuses, we refuse
	awk -f "$work/shared.awk" -f "$work/$1.awk" && return 0
	[ -s "$work/refusal" ] && refuse "$(cat "$work/refusal")"
	printf 'verify.sh: it could not be checked, a program of this machine failed\n' >&2
	exit 2
}

# --- check 1: every file against the bag's manifests -----------------------------------------------------------------
check_digests() { # list: every file in it has the digest that it says. awk looks at the names, in read_list
	require_lines "$1"
	sha256sum --check --quiet --strict "$1" >"$work/said" 2>&1 || refuse "$1: $(head -n 1 "$work/said")"
}

check_package_files() { # no file that is not part of an export; what there is, with its size, is in $work/sizes
	for file in data/* data/.[!.]*; do
		[ ! -L "$file" ] || refuse "$file: is a link"
		case $file in
		data/entries.jsonl | data/heads.json | data/checkpoint | data/manifest.json | data/disposals.jsonl) ;;
		data/attachments) [ -d "$file" ] || refuse "$file: is not part of an export; somebody added it" ;;
		*) [ ! -e "$file" ] || refuse "$file: is not part of an export; somebody added it" ;;
		esac
	done
	for file in *; do
		case $file in
		README.txt | bag-info.txt | bagit.txt | data | verify.py | verify.sh) ;;
		manifest-sha256.txt | tagmanifest-sha256.txt) ;;
		*) refuse "$file: is not part of an export; somebody added it" ;;
		esac
	done
	for file in data/attachments/* data/attachments/.[!.]* \
		data/checkpoint data/disposals.jsonl data/entries.jsonl data/heads.json; do
		[ -e "$file" ] || [ -L "$file" ] || continue
		[ -f "$file" ] && [ ! -L "$file" ] || refuse "$file: is not part of an export; no opened entry names it"
		printf '%s\000' "$file"
	done >"$work/names"
	wc -c --files0-from="$work/names" >"$work/sizes"
}

# --- check 2: the checkpoint and its signature -----------------------------------------------------------------------
read_key() { # verifier key
	key_name=${1%%+*}
	key_id=${1#*+}
	key_text=${key_id#*+}
	key_id=${key_id%%+*}
	printf '%s' "$key_text" | base64 -d >"$work/public" 2>/dev/null
	case $(to_hex <"$work/public") in 01$PATTERN_64) ;; *) usage ;; esac
	{ printf '%s\n' "$key_name"; cat "$work/public"; } >"$work/identity"
	hash_of <"$work/identity"
	[ "${hash%"${hash#????????}"}" = "$key_id" ] || usage
}

check_checkpoint() { # file, its name: sets origin, size and root
	{
		IFS= read -r origin && IFS= read -r size && IFS= read -r root64 && IFS= read -r blank
	} <"$1" || refuse "$2: is cut short"
	is_number "$size" && [ -z "$blank" ] || refuse "$2: is not a checkpoint"
	[ "$origin" = "$key_name" ] || refuse "$2: is of $origin, the key is of $key_name"
	printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" >"$work/note"
	[ "$(sha256sum <"$work/note")" = "$(head -n 3 "$1" | sha256sum)" ] ||
		refuse "$2: has bytes that are not text"
	root=$(printf '%s' "$root64" | base64 -d 2>/dev/null | to_hex)
	is_hex "$root" 64 && [ "${#root64}" -eq 44 ] || refuse "$2: has no root"
	{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c 32 "$work/public"; } >"$work/key"
	is_signed= bytes=0
	tail -n +5 "$1" >"$work/signatures"
	while IFS= read -r line; do
		bytes=$((bytes + ${#line} + 1))
		signer=${line#'— '}
		name=${signer%% *} signature=${signer#* }
		case $signature in '' | *[!A-Za-z0-9+/=]*) refuse "$2: has a line that is not a signature" ;; esac
		[ "$line" = "— $name $signature" ] &&
			[ "$(printf '%s' "$signature" | base64 -d 2>/dev/null | base64 -w 0)" = "$signature" ] ||
			refuse "$2: has a line that is not a signature"
		[ "$name" = "$key_name" ] || continue
		printf '%s' "$signature" | base64 -d >"$work/signed" 2>/dev/null
		[ "$(head -c 4 "$work/signed" | to_hex)" = "$key_id" ] || continue
		tail -c +5 "$work/signed" >"$work/signature"
		openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/note" \
			-sigfile "$work/signature" >/dev/null 2>&1 || refuse "$2: the signature does not fit"
		is_signed=yes
	done <"$work/signatures"
	[ "$bytes" -eq "$(wc -c <"$work/signatures")" ] || refuse "$2: has bytes that no line has"
	[ -n "$is_signed" ] || refuse "$2: is not signed by this key"
}

# --- what the awk programs share: hashing in bulk, the form of a leaf, opened fields ---------------------------------
write_shared_program() {
	cat >"$work/shared.awk" <<'AWK'
BEGIN {
	work = ENVIRON["work"]; scratch = ENVIRON["scratch"]; BATCH = 2048
	SIXES = "66666666666666666666666666666666" # 0x36, the rest of the inner block of HMAC; below 0x5c of the outer one
	HALF = "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c"
	for (i = 0; i < 256; i++) {
		byte = sprintf("%02x", i)
		inner[byte] = flip(i, 54)
		outer[byte] = sprintf("%02x", flip(i, 92))
	}
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for (i = 0; i < 4096; i++)
		digits_of[substr(letters, int(i / 64) + 1, 1) substr(letters, i % 64 + 1, 1)] = sprintf("%03x", i)
}

function refuse(what) {
	print what >(work "/refusal")
	exit 1
}

function flip(a, b,   bit, result) { # exclusive or of two bytes
	for (bit = 1; bit < 256; bit *= 2) if (int(a / bit) % 2 != int(b / bit) % 2) result += bit
	return result + 0
}

function run(command) {
	if (system(command) != 0) exit 2
}

function is_number(text) {
	return text ~ /^(0|[1-9][0-9]*)$/ && length(text) < 16
}

function is_hex(text, digits) {
	return length(text) == digits && text !~ /[^0-9a-f]/
}

function hash_files(folder, count,   i, line) { # all files of a folder: answer[1] ... in the sequence of their names
	run("cd \"$scratch/" folder "\" && sha256sum -- * >\"$work/answers\" && rm -- *")
	for (i = 0; (getline line <(work "/answers")) > 0;) answer[++i] = substr(line, 1, 64)
	close(work "/answers")
	if (i != count) exit 2
	waiting = 0
}

function hash_hex(count, bytes) { # of $work/hex, items of so many bytes: answer[1] ...
	close(work "/hex")
	run("tr a-f A-F <\"$work/hex\" | basenc --base16 -d | (cd \"$scratch/node\" && split -a 4 -b " bytes " - n)")
	hash_files("node", count)
}

function hash_nodes(count,   i, first, last) { # pair[1] ...: two hashes side by side; made[1] ... is the node over each
	for (first = 1; first <= count; first = last + 1) {
		last = first + BATCH - 1 > count ? count : first + BATCH - 1
		for (i = first; i <= last; i++) print "01" pair[i] >(work "/hex")
		hash_hex(last - first + 1, 65)
		for (i = first; i <= last; i++) made[i] = answer[i - first + 1]
	}
}

function write_leaf(number, text,   file) {
	file = sprintf("%s/leaf/%05d", scratch, number)
	printf "%c%s", 0, text >file
	close(file)
	waiting += length(text)
}

function is_full(number) { # so many files wait, or so many bytes: the temporary folder may be small
	return number >= BATCH || waiting > 8000000
}

function cut(mark,   at) { # what stands before a mark in the rest of the leaf
	at = index(rest, mark)
	if (!at) refuse(where ": the leaf is not in the form of the format")
	taken = substr(rest, 1, at - 1)
	rest = substr(rest, at + length(mark))
	return taken
}

function read_leaf(leaf, number,   strange) { # sets its members; each stands once, in this sequence
	rest = leaf
	strange = cut("{\"at\":\"")
	at = cut("\",\"bucket\":\"")
	bucket = cut("\",\"c\":{")
	commitments = cut("},\"ct\":\"")
	ct = cut("\",\"kind\":\"")
	kind = cut("\",\"n\":")
	n = cut(",\"prev\":\"")
	prev = cut("\",\"seq\":")
	seq = cut(",\"stream\":\"")
	stream = cut("\",\"v\":1}")
	if (strange rest != "" || at bucket ~ /"/ || leaf ~ /[\\\001-\037]/ || length(leaf) > 65535)
		refuse(where ": the leaf is not in the form of the format")
	if (at !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9][0-9]Z$/)
		refuse(where ": its time is malformed")
	if (!is_number(n) || n < 1 || !is_hex(stream, 32) || !is_hex(ct, 64) || kind == "" || kind ~ /[^a-z._]/)
		refuse(where ": a member of the leaf is malformed")
	if (n == 1 ? prev != "" : !is_hex(prev, 64)) refuse(where ": its link is malformed")
	if (seq != number "") refuse(where ": the leaf says that it is number " seq)
	read_commitments()
}

function read_commitments(   i, item, end) { # sets field[1] ... and committed[1] ...
	fields = split(commitments, item, ",")
	for (i = 1; i <= fields; i++) {
		end = index(item[i], "\":\"")
		field[i] = substr(item[i], 2, end - 2)
		committed[i] = substr(item[i], end + 3, 64)
		if (item[i] != "\"" field[i] "\":\"" committed[i] "\"" || !is_hex(committed[i], 64) || field[i] ~ /"/ ||
			i > 1 && field[i - 1] >= field[i]) refuse(where ": its commitments are malformed")
	}
}

function check_opened(opened,   i, mark, secret) { # every opened value has to give its commitment; sets value[field]
	split("", value)
	if (opened == "{}") return
	rest = substr(opened, 2)
	if (substr(opened, 1, 1) != "{") refuse(where ": what is opened is not in the form of the format")
	for (i = 1; i <= fields; i++) {
		mark = "\"" field[i] "\":{\"key\":\""
		if (substr(rest, 1, length(mark)) != mark) continue
		secret = substr(rest, length(mark) + 1, 64)
		rest = substr(rest, length(mark) + 65)
		if (!is_hex(secret, 64) || substr(rest, 1, 10) != "\",\"value\":")
			refuse(where ": the key of field " field[i] " is malformed")
		rest = substr(rest, 11)
		value[field[i]] = take_value(i)
		queue_field(secret, value[field[i]], committed[i], where ": field " field[i] " was changed")
	}
	if (rest != "") refuse(where ": a field is opened that the leaf does not have")
}

function take_value(i,   end, text) { # the value of field i ends at the next opened field of the leaf, or at the end
	for (i++; i <= fields; i++)
		if (end = index(rest, "},\"" field[i] "\":{\"key\":\"")) {
			text = substr(rest, 1, end - 1)
			rest = substr(rest, end + 2)
			return text
		}
	text = substr(rest, 1, length(rest) - 2)
	if (rest != text "}}") refuse(where ": what is opened is not in the form of the format")
	rest = ""
	return text
}

function queue_field(secret, text, commitment, complaint,   i, file) { # HMAC-SHA256(key, value), first the inner hash
	file = sprintf("%s/field/%05d", scratch, ++queued)
	for (i = 1; i < 64; i += 8)
		printf "%c%c%c%c", inner[substr(secret, i, 2)], inner[substr(secret, i + 2, 2)], \
			inner[substr(secret, i + 4, 2)], inner[substr(secret, i + 6, 2)] >file
	printf "%s%s", SIXES, text >file
	close(file)
	key_of[queued] = secret; due[queued] = commitment; complaint_of[queued] = complaint
	waiting += length(text)
	if (is_full(queued / 2)) settle_fields()
}

function settle_fields(   i, j, block) { # the outer hash of each field that waits is what the leaf committed to
	if (!queued) return
	hash_files("field", queued)
	for (i = 1; i <= queued; i++) {
		block = ""
		for (j = 1; j < 64; j += 2) block = block outer[substr(key_of[i], j, 2)]
		print block HALF answer[i] >(work "/hex")
	}
	hash_hex(queued, 96)
	for (i = 1; i <= queued; i++) if (answer[i] != due[i]) refuse(complaint_of[i])
	queued = 0
}

function queue_climb(hash, place, size, root, path,   k, i, item) { # a leaf hash (or "", later), and its proof
	k = ++climbs
	if (!is_number(place) || place + 0 >= size + 0) refuse(where ": it lies outside the tree")
	where_of[k] = where; node[k] = hash; place_of[k] = place + 0; last_of[k] = size - 1; root_of[k] = root
	steps[k] = split(path, item, ",")
	step[k] = 1
	for (i = 1; i <= steps[k]; i++) sibling[k, i] = from_base64(item[i])
}

function from_base64(item,   i, hex, end) { # a hash in quotation marks, in hex; most stand in many proofs
	if (item in hex_of) return hex_of[item]
	end = index("AEIMQUYcgkosw048", substr(item, 44, 1))
	if (length(item) != 46 || substr(item, 1, 1) != "\"" || substr(item, 45) != "=\"" || !end)
		refuse(where ": its proof is not a list of hashes")
	for (i = 2; i < 44; i += 2) {
		if (!(substr(item, i, 2) in digits_of)) refuse(where ": its proof is not a list of hashes")
		hex = hex digits_of[substr(item, i, 2)]
	}
	if (++kept > 500000) { split("", hex_of); kept = 0 }
	return hex_of[item] = hex substr("0123456789abcdef", end, 1)
}

function climb_all(   k, wanted) { # every proof that waits leads to its root (RFC 9162, section 2.1.3.2)
	do {
		wanted = 0
		for (k = 1; k <= climbs; k++) wanted = climb(k, wanted)
		hash_nodes(wanted)
		for (k = 1; k <= wanted; k++) parent[pair[k]] = made[k]
		known += wanted
	} while (wanted)
	for (k = 1; k <= climbs; k++) {
		if (last_of[k] > 0) refuse(where_of[k] ": its proof is too short")
		if (node[k] != root_of[k]) refuse(where_of[k] ": its proof does not lead to the root of the checkpoint")
	}
	if (known > 1000000) { split("", parent); known = 0 }
}

function climb(k, wanted,   above, is_right) { # as far as nodes are known; then one is wanted. Neighbours share most
	while (step[k] <= steps[k]) {
		if (last_of[k] == 0) refuse(where_of[k] ": its proof is too long")
		is_right = place_of[k] % 2 == 1 || place_of[k] == last_of[k]
		above = is_right ? sibling[k, step[k]] node[k] : node[k] sibling[k, step[k]]
		if (!(above in parent)) {
			parent[above] = ""
			pair[++wanted] = above
		}
		if (parent[above] == "") break
		node[k] = parent[above]
		while (is_right && place_of[k] % 2 == 0 && place_of[k] > 0) {
			place_of[k] = int(place_of[k] / 2); last_of[k] = int(last_of[k] / 2)
		}
		place_of[k] = int(place_of[k] / 2); last_of[k] = int(last_of[k] / 2)
		step[k]++
	}
	return wanted
}

function last_index(text, mark,   at, found) {
	while (at = index(substr(text, found + 1), mark)) found += at
	return found + 0
}

function read_list(list,   line, name, count) { # sets digest_of[list, name]; returns how many it lists
	for (count = 0; (getline line <list) > 0; count++) {
		name = substr(line, 67)
		if (!is_hex(substr(line, 1, 64), 64) || substr(line, 65, 2) != "  " || name !~ /^[A-Za-z0-9._\/-]+$/ ||
			"/" name "/" ~ /\/\.?\.?\// || (list, name) in digest_of) refuse(list ": has a line that is none")
		digest_of[list, name] = substr(line, 1, 64)
	}
	close(list)
	return count
}
AWK
}

# --- an export: checks 3 to 8, on all its entries ---------------------------------------------------------------
check_package() {
	check_digests manifest-sha256.txt
	check_digests tagmanifest-sha256.txt
	check_package_files
	check_checkpoint data/checkpoint data/checkpoint
	for file in data/entries.jsonl data/heads.json data/disposals.jsonl; do
		[ "$file" = data/disposals.jsonl ] && [ ! -e "$file" ] || require_lines "$file"
	done
	[ "$(tr -d '\000\n' <data/manifest.json | wc -c)" -eq "$(wc -c <data/manifest.json)" ] ||
		refuse "data/manifest.json: is not one line of text"
	export size root root64 origin
	walk package
	printf 'verified and complete: %s, under the checkpoint of %s of size %s.\n' "$(cat "$work/summary")" "$origin" "$size"
}

write_package_program() {
	cat >"$work/package.awk" <<'AWK'
BEGIN {
	size = ENVIRON["size"]; root = ENVIRON["root"]
	read_heads()
	read_disposals()
	walk_entries()
	check_files()
	check_manifest()
	what = lines " entries, " opened_lines + 0 " of them opened" (disposed_lines ? ", " disposed_lines " disposed of" : "")
	print what ", up to entry " heads_at >(work "/summary")
}

function read_entry(line,   start, text, bare, opened, proof) { # sets number and is_opened, and the members of the leaf
	start = index(line, ",\"leaf\":\"")
	number = substr(line, 10, start - 10)
	text = substr(line, start + 9)
	start = index(text, "\",\"opened\":")
	opened = substr(text, start + 11)
	text = substr(text, 1, start - 1)
	bare = text
	gsub(/\\"/, "", bare)
	gsub(/\\"/, "\"", text)
	if (substr(line, 1, 9) != "{\"index\":" || !is_number(number) || !start || bare ~ /["\\]/ ||
		!match(opened, /,"proof":\[[A-Za-z0-9+\/=",]*\][}]$/)) refuse(where ": is not in the form of the format")
	proof = substr(opened, RSTART + 10, RLENGTH - 12)
	opened = substr(opened, 1, RSTART - 1)
	is_opened = opened != "{}"
	read_leaf(text, number)
	write_leaf(climbs + 1, text)
	queue_climb("", number, size, root, proof)
	check_opened(opened)
}

function settle(is_walk,   k) { # what waits for its hashes: fields, proofs, and the links of the streams
	settle_fields()
	if (!climbs) return
	hash_files("leaf", climbs)
	for (k = 1; k <= climbs; k++) node[k] = digest[k] = answer[k]
	climb_all()
	for (k = 1; k <= climbs && is_walk; k++) follow(k)
	climbs = 0
}

# --- check 5: the heads
function read_heads(   file, line, more, start, text, i, count, item) {
	where = file = "data/heads.json"
	if ((getline line <file) < 1 || (getline more <file) > 0) refuse(file ": is not one line")
	start = last_index(line, ",\"streams\":{")
	if (!start) refuse(file ": names no streams")
	read_entry(substr(line, 1, start - 1) "}")
	heads_at = number; heads_count = value["count"]; heads_root = substr(value["root"], 2, 64)
	if (kind != "stream.heads") refuse(file ": is not an entry of kind stream.heads")
	if (!is_number(heads_count) || !is_hex(heads_root, 64)) refuse(file ": root and count are not opened")
	text = substr(line, start + 12)
	if (substr(text, length(text) - 1) != "}}") refuse(file ": is not in the form of the format")
	count = split(substr(text, 1, length(text) - 2), item, /\][}]/)
	for (i = 1; i < count; i++) read_end(i > 1 && substr(item[i], 1, 1) == "," ? substr(item[i], 2) : item[i])
	if (count && item[count] != "") refuse(file ": is not in the form of the format")
	settle(0)
}

function read_end(text,   id, strange, place, last, end) { # one stream
	id = substr(text, 2, 32)
	where = "data/heads.json, stream " id
	rest = substr(text, 34)
	strange = cut("\":{\"index\":")
	place = cut(",\"last\":\"")
	last = cut("\",\"n\":")
	end = cut(",\"proof\":[")
	if (substr(text, 1, 1) strange != "\"" || !is_hex(id, 32) || id <= id_before ||
		!is_number(place) || !is_number(end) || !is_hex(last, 64)) refuse(where ": is not in the form of the format")
	id_before = id
	write_leaf(climbs + 1, "{\"last\":\"" last "\",\"n\":" end ",\"stream\":\"" id "\"}")
	queue_climb("", place, heads_count, heads_root, rest)
	last_n[id] = end; last_hash[id] = last
	if (is_full(climbs)) settle(0)
}

# --- check 8: the entries that say what was disposed of
function read_disposals(   file, line, count, text, i, item, bounds) { # sets from[1] and upto[1] ..., ascending
	file = "data/disposals.jsonl"
	printf "" >(work "/spans")
	while ((getline line <file) > 0) {
		where = file ", line " ++count
		read_entry(line)
		if (is_full(climbs)) settle(0)
		text = value["entries"]
		if (kind != "disposal.made" || substr(text, 1, 2) substr(text, length(text) - 1) != "[[]]")
			refuse(where ": is not a disposal that says what was disposed of")
		for (i = split(substr(text, 3, length(text) - 4), item, /\],\[/); i; i--) {
			if (split(item[i], bounds, ",") != 2 || !is_number(bounds[1]) || !is_number(bounds[2]) ||
				bounds[1] + 0 > bounds[2] + 0 || bounds[2] + 0 >= number + 0) refuse(where ": does not say what was disposed of")
			print bounds[1], bounds[2] >(work "/spans")
		}
	}
	settle(0)
	close(work "/spans")
	while (("sort -n \"$work/spans\"" | getline line) > 0) {
		split(line, bounds, " ")
		from[++spans] = bounds[1] + 0; upto[spans] = bounds[2] + 0
		if (spans > 1 && from[spans] <= upto[spans - 1]) refuse(file ": two disposals name the same entry")
	}
}

function is_disposed(place,   low, high, middle) {
	low = 1; high = spans + 0
	while (low <= high) {
		middle = int((low + high) / 2)
		if (place < from[middle]) high = middle - 1
		else if (place > upto[middle]) low = middle + 1
		else return 1
	}
	return 0
}

# --- checks 3 and 4, and the counts for check 6
function walk_entries(   file, line) {
	file = "data/entries.jsonl"
	while ((getline line <file) > 0) {
		where = file ", line " ++lines
		read_entry(line)
		count_entry()
		stream_of[climbs] = stream; n_of[climbs] = n + 0; prev_of[climbs] = prev
		if (is_full(climbs)) settle(1)
	}
	settle(1)
	leave_stream()
	if (!lines) refuse(file ": holds no entry at all")
	for (stream in last_n) refuse(file ": stream " stream " is missing as a whole")
}

function count_entry(   name) {
	kinds[kind]++
	if (is_disposed(number + 0)) {
		disposed_lines++
		if (is_opened) refuse(where ": the record says that it was disposed of, but it is opened here")
	}
	if (!is_opened) return
	kind_opened[kind]++
	opened_lines++
	for (name in value) if (name ~ /^att\.[0-9]$/) note_file(number "-" substr(name, 5), value[name])
}

function note_file(stem, text,   start, hash, bytes, type) {
	start = index(text, "\",\"sha256\":\"")
	hash = substr(text, start + 12, 64)
	text = substr(text, start + 76)
	bytes = substr(text, 10)
	sub(/,.*/, "", bytes)
	if (!start || !is_hex(hash, 64) || substr(text, 1, 9) != "\",\"size\":" || !is_number(bytes))
		refuse(where ": field att." substr(stem, length(stem)) " does not describe a file")
	file_of[stem] = hash " " bytes
	type = text
	sub(/^","size":[0-9]*,"type":"/, "", type)
	sub(/".*/, "", type)
	ending_of[stem] = ending_of_type(type)
}

function ending_of_type(type,   i, pair) { # as section Export package of the format lists them
	if (!types) {
		types = split("application/pdf=pdf application/rtf=rtf application/zip=zip application/json=json " \
			"application/msword=doc image/png=png application/vnd.ms-excel=xls application/vnd.ms-powerpoint=ppt " \
			"application/vnd.ms-outlook=msg image/jpeg=jpg " \
			"application/vnd.openxmlformats-officedocument.wordprocessingml.document=docx image/gif=gif " \
			"image/webp=webp application/vnd.openxmlformats-officedocument.spreadsheetml.sheet=xlsx text/plain=txt " \
			"text/csv=csv audio/mp4=m4a " \
			"application/vnd.openxmlformats-officedocument.presentationml.presentation=pptx message/rfc822=eml " \
			"audio/mpeg=mp3 application/vnd.oasis.opendocument.text=odt " \
			"application/vnd.oasis.opendocument.spreadsheet=ods video/mp4=mp4 " \
			"application/vnd.oasis.opendocument.presentation=odp", pairs, " ")
		for (i = 1; i <= types; i++) { split(pairs[i], pair, "="); ending[pair[1]] = pair[2] }
	}
	return (type in ending) ? ending[type] : "bin"
}

function follow(k) { # the chain of the stream
	if (stream_of[k] != before) {
		leave_stream()
		before = stream_of[k]; before_n = 0; before_hash = ""
		if (!(before in last_n)) refuse(where_of[k] ": stream " before " is not in the heads, or stands twice")
	}
	if (n_of[k] != before_n + 1) refuse(where_of[k] ": in its stream, item " n_of[k] " follows item " before_n)
	if (prev_of[k] != before_hash) refuse(where_of[k] ": its link does not lead to the item before")
	before_n = n_of[k]; before_hash = digest[k]
}

function leave_stream() {
	if (before == "") return
	if (before_n != last_n[before] + 0 || before_hash != last_hash[before])
		refuse("data/entries.jsonl: stream " before " ends at n " before_n ", but the heads end it at n " last_n[before])
	delete last_n[before]
	told_streams = told_streams ",\"" before "\":" before_n
	ended[++streams] = before
}

# --- check 7, and the bag's lists
function check_files(   line, bytes, name, hash, stem) {
	read_list("tagmanifest-sha256.txt")
	require("tagmanifest-sha256.txt", "README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.py")
	read_list("manifest-sha256.txt")
	require("manifest-sha256.txt", "data/checkpoint data/entries.jsonl data/heads.json data/manifest.json")
	while ((getline line <(work "/sizes")) > 0) {
		sub(/^ */, "", line)
		bytes = substr(line, 1, index(line, " ") - 1)
		name = substr(line, index(line, " ") + 1)
		if (name == "total") continue
		require("manifest-sha256.txt", name)
		hash = digest_of["manifest-sha256.txt", name]
		told_files = told_files ",\"" name "\":{\"sha256\":\"" hash "\",\"size_bytes\":" bytes "}"
		if (name !~ /^data\/attachments\//) continue
		stem = substr(name, 18)
		sub(/\.[a-z0-9]+$/, "", stem)
		if (!(stem in file_of) || length(name) - length(stem) > 26)
			refuse(name ": is not part of an export; no opened entry names it, or it stands twice")
		if (file_of[stem] != hash " " bytes) refuse(name ": is not the file that its entry names")
		if (substr(name, 19 + length(stem)) !~ "^(" ending_of[stem] "|bin)$")
			refuse(name ": its entry records another type: it must end in ." ending_of[stem])
		delete file_of[stem]
	}
	for (stem in file_of) refuse("data/attachments/" stem ".*: the file is missing that its entry names")
}

function require(list, names,   i, name) {
	for (i = split(names, name, " "); i; i--) if (!((list, name[i]) in digest_of)) refuse(list ": does not list " name[i])
}

# --- check 6: the manifest
function check_manifest(   told, told_kinds, i, name, tool) {
	getline manifest <"data/manifest.json"
	for (name in kinds) print name >(work "/kinds")
	close(work "/kinds")
	while (("sort \"$work/kinds\"" | getline name) > 0)
		told_kinds = told_kinds ",\"" name "\":{\"entries\":" kinds[name] ",\"opened\":" kind_opened[name] + 0 "}"
	told = (disposed_lines ? "\"disposed\":" disposed_lines "," : "") "\"entries\":" lines
	told = "{" told ",\"kinds\":{" substr(told_kinds, 2) "},\"opened\":" opened_lines + 0
	require_told("counts", told ",\"streams\":{" substr(told_streams, 2) "}}")
	told = "{\"origin\":\"" ENVIRON["origin"] "\",\"root\":\"" ENVIRON["root64"] "\",\"size\":" size "}"
	require_told("checkpoint", told)
	require_told("files", "{" substr(told_files, 2) "}")
	manifest = substr(manifest, last_index(manifest, "\"streams\":{") + 11)
	for (i = 1; i <= streams; i++) {
		name = "\"" ended[i] "\":\""
		if (index(manifest, name) != 1 || !match(manifest, /":"([^"\\]|\\.)*"[,}]/)) refuse_streams()
		manifest = substr(manifest, RSTART + RLENGTH)
	}
	tool = ",\"tool\":\""
	if (substr(manifest, 1, length(tool)) != tool) refuse_streams()
	if (substr(manifest, length(tool) + 1) !~ /^[A-Za-z0-9 ._-]*"[}]$/) refuse_streams()
}

function refuse_streams() {
	refuse("data/manifest.json: its streams are not those of the entries, or it does not end with them and the tool")
}

function require_told(name, told,   start, after) { # once, so that it cannot be told one way here and another way there
	start = index(manifest, "\"" name "\":")
	after = substr(manifest, start + length(name) + 3)
	if (index(after, "\"" name "\":")) refuse("data/manifest.json: it tells its " name " twice")
	if (!start || substr(after, 1, length(told)) != told || substr(after, length(told) + 1, 1) !~ /[,}]/)
		refuse("data/manifest.json: its " name " do not fit what the package holds")
}
AWK
}

# --- a run of the record in tlog-tiles: a segment, or a published record (sections of the format) --------------------
check_segment() {
	read_description
	prefix=data/ before_root=
	list_parts
	{
		printf '%s\n' data/checkpoint data/evidence.jsonl data/segment.json
		[ "$run_first" -eq 0 ] || printf 'data/before\n'
		list_tiles
	} | sort >"$work/payload"
	printf '%s\n' README.txt bag-info.txt bagit.txt manifest-sha256.txt >"$work/tags"
	check_digests manifest-sha256.txt
	check_digests tagmanifest-sha256.txt
	printf 'tagmanifest-sha256.txt\n' | sort - "$work/payload" "$work/tags" >"$work/expected"
	[ "$(list_files . | sort | sha256sum)" = "$(sha256sum <"$work/expected")" ] ||
		refuse "the folder: it does not hold exactly the files of the segment"
	if [ "$run_first" -gt 0 ]; then
		check_checkpoint data/before data/before
		[ "$size" = "$run_first" ] && [ "$origin" = "$run_origin" ] ||
			refuse "data/before: is not the checkpoint of the first $run_first entries"
		before_root=$root
	fi
	check_checkpoint data/checkpoint data/checkpoint
	[ "$size" = "$run_size" ] && [ "$root" = "$run_root" ] && [ "$origin" = "$run_origin" ] ||
		refuse "data/checkpoint: is not the one that the segment leads to"
	require_lines data/evidence.jsonl
	export prefix run_first run_size run_root before_root
	walk tiles
	printf 'verified: entries %s to %s of %s, %s of them opened, under the checkpoint of size %s.\n' \
		"$run_first" "$((run_size - 1))" "$run_origin" "$(cat "$work/summary")" "$run_size"
}

read_description() {
	text=$(cat data/segment.json)
	[ "$(wc -c <data/segment.json)" -eq "${#text}" ] || refuse "data/segment.json: is not canonical JSON"
	run_first=${text#'{"first":'} && run_first=${run_first%%,*}
	run_origin=${text#*',"origin":"'} && run_origin=${run_origin%%\"*}
	run_root=${text#*',"root":"'} && run_root=${run_root%%\"*}
	run_size=${text#*',"size":'} && run_size=${run_size%%,*}
	rebuilt="{\"first\":$run_first,\"origin\":\"$run_origin\",\"root\":\"$run_root\",\"size\":$run_size,\"v\":1}"
	[ "$text" = "$rebuilt" ] && is_number "$run_first" && is_number "$run_size" && is_hex "$run_root" 64 ||
		refuse "data/segment.json: does not describe a segment"
	[ "$run_first" -lt "$run_size" ] && [ $((run_size - run_first)) -le 4194304 ] ||
		refuse "data/segment.json: describes a run of entries that cannot be"
}

check_published() {
	for file in *; do
		case $file in
		checkpoint) ;;
		proof | tile) [ -d "$file" ] && [ ! -L "$file" ] || refuse "$file: is not a folder" ;;
		*) refuse "$file: is not part of a published record; somebody added it" ;;
		esac
	done
	list_proofs
	require_lines checkpoint
	check_checkpoint checkpoint checkpoint
	[ "$size" -gt 0 ] || refuse "checkpoint: is of no entries"
	prefix= run_first=0 run_size=$size run_root=$root before_root=
	list_parts
	list_tiles | sort >"$work/payload"
	list_files tile >"$work/there"
	export prefix run_first run_size run_root before_root
	walk tiles
	printf 'verified: all %s entries of %s that the checkpoint of this size is over, and %s proofs.\n' \
		"$run_size" "$origin" "$(cat "$work/summary")"
}

list_proofs() { # name, entry, size, root and path of each proof file, its checkpoint checked, into $work/proofs
	checked=
	for file in proof/* proof/.[!.]*; do
		[ -e "$file" ] || [ -L "$file" ] || continue
		require_lines "$file"
		path= lines=3
		{
			IFS= read -r header && IFS= read -r place
			while IFS= read -r line && [ -n "$line" ]; do path="$path,\"$line\"" lines=$((lines + 1)); done
		} <"$file"
		number=${place#index }
		[ "$header" = c2sp.org/tlog-proof@v1 ] && is_number "$number" && [ "$place" = "index $number" ] &&
			[ "$file" = "proof/$number.tlog-proof" ] || refuse "$file: is not the proof of the entry that its name says"
		tail -n +$((lines + 1)) "$file" >"$work/proof"
		hash_of <"$work/proof" # most proofs have the same checkpoint
		[ "$hash" = "$checked" ] || { checked=$hash && check_checkpoint "$work/proof" "$file"; }
		printf '%s %s %s %s %s\n' "$file" "$number" "$size" "$root" "${path#,}"
	done >"$work/proofs"
}

tile_name() { # number, width: the end of a tile's path, in $name
	name=$(printf '%03d' $(($1 % 1000))) rest=$(($1 / 1000))
	while [ "$rest" -gt 0 ]; do
		name=$(printf 'x%03d/%s' $((rest % 1000)) "$name") rest=$((rest / 1000))
	done
	[ "$2" -eq 256 ] || name=$name.p/$2
}

list_parts() { # level, number, width and path of each tile that the run changed, a line each, into $work/parts
	level=0 count=$run_size step=256
	while [ "$count" -gt 0 ]; do
		number=$((run_first / step))
		while [ $((number * 256)) -lt "$count" ]; do
			width=$((count - number * 256))
			[ "$width" -le 256 ] || width=256
			tile_name "$number" "$width"
			printf '%s %s %s %s\n' "$level" "$number" "$width" "$name"
			number=$((number + 1))
		done
		level=$((level + 1)) count=$((count / 256)) step=$((step * 256))
	done >"$work/parts"
}

list_tiles() { # the files of $work/parts
	while read -r level number width name; do
		printf '%stile/%s/%s\n' "$prefix" "$level" "$name"
		[ "$level" -gt 0 ] || printf '%stile/entries/%s\n' "$prefix" "$name"
		[ "$level" -gt 0 ] || [ -z "$prefix" ] || printf 'data/ciphertexts/%s\n' "$name"
	done <"$work/parts"
}

list_files() { # folder: all files below it, one a line; what is a link is listed as something that is not expected
	for item in "$1"/* "$1"/.[!.]*; do
		if [ -L "$item" ]; then
			printf 'link %s\n' "$item"
		elif [ -d "$item" ]; then
			(list_files "$item")
		elif [ -e "$item" ]; then
			printf '%s\n' "${item#./}"
		fi
	done
}

write_tiles_program() {
	cat >"$work/tiles.awk" <<'AWK'
BEGIN {
	prefix = ENVIRON["prefix"]; first = ENVIRON["run_first"] + 0; size = ENVIRON["run_size"] + 0
	if (prefix != "") {
		require_exactly("manifest-sha256.txt", "/payload")
		require_exactly("tagmanifest-sha256.txt", "/tags")
	}
	read_tiles()
	if (tree_root(size) != ENVIRON["run_root"]) refuse(prefix "tile: its hashes do not lead to the root of the checkpoint")
	if (first && tree_root(first) != ENVIRON["before_root"])
		refuse("data/before: is not the checkpoint of the first " first " entries")
	for (i = 1; i <= bundles; i++) walk_bundle(number_of[i], width_of[i], name_of[i])
	if (prefix != "") check_evidence()
	else {
		check_older_tiles()
		check_proofs()
	}
	print checked + 0 >(work "/summary")
}

function require_exactly(list, names,   name, listed, count) {
	listed = read_list(list)
	while ((getline name <(work names)) > 0) {
		count++
		if (!((list, name) in digest_of)) refuse(list ": does not list " name)
	}
	if (listed != count) refuse(list ": lists what is not part of a segment")
}

# --- the tiles, each full one held against the hash in the one above it
function read_tiles(   line, part, level, number, width, file, i) {
	while ((getline line <(work "/parts")) > 0) {
		split(line, part, " ")
		level = part[1] + 0; number = part[2] + 0; width = part[3] + 0
		file = prefix "tile/" level "/" part[4]
		if (read_tile(file) != width) refuse(file ": its size is wrong")
		for (i = 1; i <= width; i++) hash[level, number, i - 1] = list[i]
		if (level) check_below(level, number, width)
		else {
			number_of[++bundles] = number; width_of[bundles] = width; name_of[bundles] = part[4]
		}
	}
}

function read_tile(file,   command, text, count) { # list[1] ...; returns how many, -1 where a hash is cut short
	command = "od -An -v -tx1 -w32 " file " 2>/dev/null | tr -d ' '"
	while ((command | getline text) > 0) {
		list[++count] = text
		if (!is_hex(text, 64)) count = -1000
	}
	close(command)
	return count + 0
}

function check_below(level, number, width,   place, below, tiles, count, i, place_of_tile) {
	for (place = 0; place < width; place++) {
		below = number * 256 + place
		if (!((level - 1, below, 0) in hash)) continue
		place_of_tile[++tiles] = place
		for (i = 0; i < 256; i++) list[++count] = hash[level - 1, below, i]
	}
	while (count > tiles) count = halve(count)
	for (i = 1; i <= tiles; i++) if (list[i] != hash[level, number, place_of_tile[i]])
		refuse("tile " level - 1 "/" number * 256 + place_of_tile[i] ": is not what the tile above it says")
}

function halve(count,   i) { # the nodes over the hashes of list, two by two
	for (i = 1; i <= count / 2; i++) pair[i] = list[2 * i - 1] list[2 * i]
	hash_nodes(count / 2)
	for (i = 1; i <= count / 2; i++) list[i] = made[i]
	return count / 2
}

function tree_root(leaves,   width, start, count, root_at, i, top) { # the root over so many, from the tiles' right edge
	if (leaves in root_over) return root_over[leaves]
	for (width = 1; width * 2 <= leaves;) width *= 2
	for (start = 0; start < leaves; width /= 2) if (start + width <= leaves) {
		root_at[++count] = subtree_root(start, width)
		start += width
	}
	top = root_at[count]
	for (i = count - 1; i; i--) {
		pair[1] = root_at[i] top
		hash_nodes(1)
		top = made[1]
	}
	return root_over[leaves] = top
}

function subtree_root(start, leaves,   level, tile, i) { # over a power of two of leaves
	for (level = 0; leaves >= 256; level++) {
		start = int(start / 256); leaves /= 256
	}
	tile = int(start / 256)
	for (i = 0; i < leaves; i++) {
		if (!((level, tile, start % 256 + i) in hash)) refuse(prefix "tile: a tile of level " level " is missing")
		list[i + 1] = hash[level, tile, start % 256 + i]
	}
	while (leaves > 1) leaves = halve(leaves)
	return list[1]
}

# --- every leaf and ciphertext
function walk_bundle(number, width, name,   file, sealed, i, seq) {
	file = prefix "tile/entries/" name
	read_bundle(file, number, width)
	for (i = 1; i <= width; i++) {
		seq = number * 256 + i - 1
		where = file ", entry " seq
		read_leaf(leaf[i], seq)
		ct_of[i] = ct
		if (stream in end_n ? n != end_n[stream] + 1 || prev != end_hash[stream] : number_of[1] == 0 && n + 0 != 1)
			refuse(where ": it does not follow the item before it in its stream")
		end_n[stream] = n; end_hash[stream] = hash[0, number, i - 1]
		if (seq >= first && kind ~ /^(checkpoint\.stamped|checkpoint\.witnessed|segment\.sealed|stream\.heads)$/) {
			wanted[++wanted_count] = seq
			commitments_of[seq] = commitments
		}
	}
	if (prefix == "") return
	sealed = "data/ciphertexts/" name
	write_ciphertexts(sealed, width)
	hash_files("sealed", width)
	for (i = 1; i <= width; i++) if (answer[i] != ct_of[i])
		refuse(sealed ", entry " number * 256 + i - 1 ": its ciphertext is not the one that the leaf names")
}

function read_bundle(file, number, width,   command, text, count, i, bytes, same) { # sets leaf[1] ...
	# A leaf has neither of these two bytes; its length, which stands before it, may.
	command = "tr '\\000\\n' '\\001\\001' <" file " 2>/dev/null"
	command | getline text
	close(command)
	count = split(text, leaf, /"v":1[}]/)
	if (count != width + 1 || leaf[count] != "") refuse(file ": does not hold exactly " width " leaves")
	for (i = 1; i <= width; i++) {
		leaf[i] = substr(leaf[i], 3) "\"v\":1}"
		bytes = length(leaf[i])
		printf "%c%c%s", int(bytes / 256) % 256, bytes % 256, leaf[i] >(work "/rebuilt")
		write_leaf(i, leaf[i])
	}
	close(work "/rebuilt")
	hash_files("leaf", width)
	for (i = 1; i <= width; i++) if (answer[i] != hash[0, number, i - 1])
		refuse(file ", entry " number * 256 + i - 1 ": its bytes do not have the hash in the tile")
	same = "[ \"$(sha256sum <\"$work/rebuilt\")\" = \"$(sha256sum <" file ")\" ]"
	if (system(same) != 0) refuse(file ": has other bytes than those of its leaves")
}

function write_ciphertexts(file, width,   command, line, byte, count, i, item, bytes, more, target) {
	command = "od -An -v -tu1 -w512 " file " 2>/dev/null"
	for (more = 4; (command | getline line) > 0;) {
		count = split(line, byte, " ")
		for (i = 1; i <= count; i++) {
			if (more) { # of the four bytes of its length
				bytes = bytes * 256 + byte[i]
				if (!--more) target = sprintf("%s/sealed/%05d", scratch, ++item)
				if (!more && !bytes || item > width) refuse(file ": is not " width " ciphertexts")
				continue
			}
			if (bytes > 7 && i + 7 <= count) {
				printf "%c%c%c%c%c%c%c%c", byte[i] + 0, byte[i + 1] + 0, byte[i + 2] + 0, byte[i + 3] + 0, \
					byte[i + 4] + 0, byte[i + 5] + 0, byte[i + 6] + 0, byte[i + 7] + 0 >target
				bytes -= 8
				i += 7
			} else {
				printf "%c", byte[i] + 0 >target
				bytes--
			}
			if (!bytes) {
				close(target)
				more = 4
			}
		}
	}
	close(command)
	if (item != width || more != 4) refuse(file ": is not " width " ciphertexts")
}

# --- entries about evidence: one line each, opened as a whole or not at all
function check_evidence(   file, line, lines, opened, i, end) {
	file = "data/evidence.jsonl"
	while ((getline line <file) > 0) {
		where = file ", line " ++lines
		if (lines > wanted_count) refuse(where ": is of no entry about evidence")
		end = "{\"index\":" wanted[lines] ",\"opened\":"
		opened = substr(line, length(end) + 1, length(line) - length(end) - 1)
		if (line != end opened "}") refuse(where ": is not of the next entry about evidence")
		commitments = commitments_of[wanted[lines]]
		read_commitments()
		check_opened(opened)
		if (opened == "{}") continue
		checked++
		for (i = 1; i <= fields; i++) if (!(field[i] in value)) refuse(where ": does not open every field of its entry")
	}
	settle_fields()
	if (lines < wanted_count) refuse(file ": lacks entry " wanted[lines + 1])
}

# --- what else a published folder may hold: tiles of a smaller size, from an earlier publication, and proofs
function check_older_tiles(   name, part, level, number, width, group, groups, i) {
	while ((getline name <(work "/payload")) > 0) is_expected[name] = 1
	while ((getline name <(work "/there")) > 0) {
		if (is_there[name]++) refuse(name ": stands there twice")
		if (name in is_expected) continue
		if (name !~ /^tile\/(entries|[0-9])\/(x[0-9][0-9][0-9]\/)*[0-9][0-9][0-9]\.p\/[1-9][0-9]*$/ || name ~ /x000/)
			refuse(name ": is not part of a published record of this size")
		groups = split(name, group, "/")
		number = 0
		for (i = 3; i < groups; i++) number = number * 1000 + substr(group[i], i < groups - 1 ? 2 : 1, 3)
		level = group[2] == "entries" ? 0 : group[2] + 0
		width = group[groups] + 0
		if (!((level, number, width) in hash)) refuse(name ": is not part of a published record of this size")
		if (group[2] == "entries") read_bundle(name, number, width)
		else if (read_tile(name) != width) refuse(name ": its size is wrong")
		else for (i = 1; i <= width; i++)
			if (list[i] != hash[level, number, i - 1]) refuse(name ": is not what the tile became")
	}
	for (name in is_expected) if (!(name in is_there)) refuse(name ": the file is missing")
}

function check_proofs(   line, part, place) {
	while ((getline line <(work "/proofs")) > 0) {
		checked++
		if (split(line, part, " ") > 5) refuse(part[1] ": its proof is not a list of hashes")
		where = part[1]
		if (part[3] + 0 > size || tree_root(part[3] + 0) != part[4])
			refuse(where ": its checkpoint is not one of this record, or is of a later one: publish again")
		place = part[2] + 0
		queue_climb(hash[0, int(place / 256), place % 256], part[2], part[3], part[4], part[5])
	}
	climb_all()
}
AWK
}

usage() {
	printf 'usage: sh verify.sh KEY [FOLDER]   (KEY: <name>+<id>+<key>, published by the firm)\n' >&2
	exit 2
}

[ $# -eq 1 ] || [ $# -eq 2 ] || usage
work=$(mktemp -d) || exit 2
# Small files are many times faster in memory; what is large, or grows with the record, is not put there.
scratch=$(mktemp -d -p /dev/shm 2>/dev/null) || scratch=$work/scratch
trap 'rm -rf "$work" "$scratch"' EXIT
trap 'exit 2' HUP INT TERM
mkdir -p "$scratch/leaf" "$scratch/node" "$scratch/field" "$scratch/sealed" || exit 2
export work scratch
if [ "$(awk 'BEGIN { printf "%c%c%c", 0, 10, 255 }' 2>/dev/null | to_hex)" != 000aff ]; then
	printf 'verify.sh: it needs an awk that can write any byte, such as gawk or mawk\n' >&2
	exit 2
fi
read_key "$1"
cd "${2:-$(dirname "$0")}" || usage
write_shared_program
write_package_program
write_tiles_program
if [ -e data/segment.json ]; then
	check_segment
elif [ -e checkpoint ] && [ ! -e data ]; then
	check_published
else
	check_package
fi
