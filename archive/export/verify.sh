#!/bin/sh
# Check an export of the record with sh, openssl and coreutils only: sh verify.sh KEY [FOLDER]
#
# KEY is the firm's verifier key, got by another way than the export. It makes the checks that docs/record-format.md
# numbers, as verify.py does, and shares no code with it. It is slow (about a second for 20 entries), it writes only
# into a temporary folder, and it stops at the first thing that is wrong. Exit status: 0 verified, 1 wrong, 2 bad usage.
set -u
LC_ALL=C
export LC_ALL
PATTERN_64='????????????????????????????????????????????????????????????????'

refuse() { # what
	# What the package says must not steer the terminal that it is shown on.
	printf 'NOT VERIFIED: %s\n' "$(printf '%s' "$1" | tr -c '[:print:]' '?')"
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

node() { # left, right; the answer is in $hash. Neighbours share most of their path, so nodes are kept.
	if [ -f "$work/nodes/$1$2" ]; then
		read -r hash <"$work/nodes/$1$2"
		return
	fi
	hash=$({ printf '\001'; printf '%s' "$1$2" | tr a-f A-F | basenc --base16 -d; } | sha256sum)
	hash=${hash%% *}
	printf '%s\n' "$hash" >"$work/nodes/$1$2"
}

follow() { # leaf hash, index, size, where, path in hex: the root it leads to is in $hash (RFC 9162, section 2.1.3.2)
	hash=$1 place=$2 last=$(($3 - 1)) path=$5
	[ "$place" -le "$last" ] || refuse "$4: it lies outside the tree"
	while [ -n "$path" ]; do
		rest=${path#$PATTERN_64}
		sibling=${path%"$rest"}
		path=$rest
		[ "$last" -gt 0 ] || refuse "$4: its proof is too long"
		if [ $((place % 2)) -eq 1 ] || [ "$place" -eq "$last" ]; then
			node "$sibling" "$hash"
			while [ $((place % 2)) -eq 0 ] && [ "$place" -gt 0 ]; do
				place=$((place / 2)) last=$((last / 2))
			done
		else
			node "$hash" "$sibling"
		fi
		place=$((place / 2)) last=$((last / 2))
	done
	[ "$last" -eq 0 ] || refuse "$4: its proof is too short"
}

read_path() { # the inside of a JSON list of base64 hashes, where; the answer is in $nodes
	nodes=
	[ -n "$1" ] || return 0
	text=$1,
	joined=
	while [ -n "$text" ]; do
		item=${text%%,*}
		text=${text#*,}
		item=${item#\"}
		joined=$joined${item%\"}
		[ "${#item}" -eq 45 ] || refuse "$2: its proof is not a list of hashes"
	done
	nodes=$(printf '%s' "$joined" | base64 -d 2>/dev/null | to_hex)
	[ $((${#nodes} * 44)) -eq $((${#joined} * 64)) ] || refuse "$2: its proof is not a list of hashes"
}

# --- check 1: every file against the bag's manifests -----------------------------------------------------------------
check_bag() {
	for list in manifest-sha256.txt tagmanifest-sha256.txt; do
		[ -f $list ] || refuse "$list: the file is missing"
		sha256sum --check --quiet --strict $list >"$work/said" 2>&1 || refuse "$list: $(head -n 1 "$work/said")"
	done
	require_listed manifest-sha256.txt data/entries.jsonl data/heads.json data/checkpoint data/manifest.json
	require_listed tagmanifest-sha256.txt README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.py
	for file in data/* data/.[!.]*; do
		case $file in
		data/entries.jsonl | data/heads.json | data/checkpoint | data/manifest.json) ;;
		data/attachments) [ -d "$file" ] || refuse "$file: is not part of an export; somebody added it" ;;
		*) [ ! -e "$file" ] || refuse "$file: is not part of an export; somebody added it" ;;
		esac
		[ ! -L "$file" ] || refuse "$file: is a link"
	done
	for file in *; do
		case $file in
		README.txt | bag-info.txt | bagit.txt | data | manifest-sha256.txt | tagmanifest-sha256.txt | verify.py | verify.sh) ;;
		*) refuse "$file: is not part of an export; somebody added it" ;;
		esac
	done
}

# --- check 7: the files that opened entries name ----------------------------------------------------------------------
check_file() { # place, value of the field: one file of this name, with the digest and size that the field states
	stated=${2#*'","sha256":"'}
	stated_hash=${stated%%\"*}
	stated=${stated#"$stated_hash"'","size":'}
	stated=${stated%%,*}
	is_hex "$stated_hash" 64 && is_number "$stated" || refuse "$where: field att.$1 does not describe a file"
	set -- data/attachments/"$index-$1".*
	[ $# -eq 1 ] && [ -f "$1" ] && [ ! -L "$1" ] || refuse "$where: its file $index-* is missing, or stands twice"
	hash_of <"$1"
	[ "$hash" = "$stated_hash" ] && [ "$(wc -c <"$1")" -eq "$stated" ] || refuse "$1: is not the file that its entry names"
	: >"$work/attached/${1##*/}"
}

check_strange_files() { # after all entries: no file that none of them names
	for file in data/attachments/* data/attachments/.[!.]*; do
		[ ! -e "$file" ] && [ ! -L "$file" ] || [ -f "$work/attached/${file##*/}" ] ||
			refuse "$file: is not part of an export; no opened entry names it"
	done
}

require_listed() { # list, names
	list=$1
	shift
	listed=$(cat "$list")
	for name; do
		case "
$listed
" in *"  $name
"*) ;; *) refuse "$list: does not list $name" ;; esac
	done
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

check_checkpoint() {
	{
		IFS= read -r origin && IFS= read -r size && IFS= read -r root64 && IFS= read -r blank
	} <data/checkpoint || refuse "data/checkpoint: is cut short"
	is_number "$size" && [ -z "$blank" ] || refuse "data/checkpoint: is not a checkpoint"
	[ "$origin" = "$key_name" ] || refuse "data/checkpoint: is of $origin, the key is of $key_name"
	printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" >"$work/note"
	[ "$(sha256sum <"$work/note")" = "$(head -n 3 data/checkpoint | sha256sum)" ] ||
		refuse "data/checkpoint: has bytes that are not text"
	root=$(printf '%s' "$root64" | base64 -d 2>/dev/null | to_hex)
	is_hex "$root" 64 && [ "${#root64}" -eq 44 ] || refuse "data/checkpoint: has no root"
	{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c 32 "$work/public"; } >"$work/key"
	is_signed= bytes=0
	tail -n +5 data/checkpoint >"$work/signatures"
	while IFS= read -r line; do
		bytes=$((bytes + ${#line} + 1))
		signer=${line#'— '}
		name=${signer%% *} signature=${signer#* }
		case $signature in '' | *[!A-Za-z0-9+/=]*) refuse "data/checkpoint: has a line that is not a signature" ;; esac
		[ "$line" = "— $name $signature" ] || refuse "data/checkpoint: has a line that is not a signature"
		[ "$name" = "$key_name" ] || continue
		printf '%s' "$signature" | base64 -d >"$work/signed" 2>/dev/null
		[ "$(head -c 4 "$work/signed" | to_hex)" = "$key_id" ] || continue
		tail -c +5 "$work/signed" >"$work/signature"
		openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/note" \
			-sigfile "$work/signature" >/dev/null 2>&1 || refuse "data/checkpoint: the signature does not fit"
		is_signed=yes
	done <"$work/signatures"
	[ "$bytes" -eq "$(wc -c <"$work/signatures")" ] || refuse "data/checkpoint: has bytes that no line has"
	[ -n "$is_signed" ] || refuse "data/checkpoint: is not signed by this key"
}

# --- check 3: an entry: its leaf, its proof, its opened fields -------------------------------------------------------
read_entry() { # line, where: sets index, leaf, digest and the members of the leaf
	where=$2
	index=${1#'{"index":'}
	index=${index%%,*}
	is_number "$index" || refuse "$where: has no index"
	escaped=${1#*',"leaf":"'}
	opened=${escaped#*'","opened":'}
	escaped=${escaped%%'","opened":'*}
	proof=${opened##*',"proof":['}
	opened=${opened%',"proof":['*}
	proof=${proof%']}'}
	[ "$1" = "{\"index\":$index,\"leaf\":\"$escaped\",\"opened\":$opened,\"proof\":[$proof]}" ] ||
		refuse "$where: is not in the form of the format"
	read_leaf
	hash_leaf
	read_path "$proof" "$where"
	follow "$digest" "$index" "$size" "$where" "$nodes"
	[ "$hash" = "$root" ] || refuse "$where: its proof does not lead to the root of the checkpoint"
	check_opened
}

read_leaf() {
	leaf= text=$escaped
	while :; do
		case $text in
		*'\"'*) leaf="$leaf${text%%'\"'*}\"" text=${text#*'\"'} ;;
		*) break ;;
		esac
	done
	leaf=$leaf$text
	case $leaf in *\\*) refuse "$where: the leaf is not in the form of the format" ;; esac
	take at '{"at":"' '","bucket":"'
	take bucket '","bucket":"' '","c":{'
	take commitments '","c":{' '},"ct":"'
	take ct '},"ct":"' '","kind":"'
	take kind '","kind":"' '","n":'
	take n '","n":' ',"prev":"'
	take prev ',"prev":"' '","seq":'
	take seq '","seq":' ',"stream":"'
	take stream ',"stream":"' '","v":1}'
	rebuilt="{\"at\":\"$at\",\"bucket\":\"$bucket\",\"c\":{$commitments},\"ct\":\"$ct\",\"kind\":\"$kind\",\"n\":$n"
	rebuilt="$rebuilt,\"prev\":\"$prev\",\"seq\":$seq,\"stream\":\"$stream\",\"v\":1}"
	[ "$leaf" = "$rebuilt" ] || refuse "$where: the leaf is not in the form of the format"
	is_number "$n" && is_hex "$stream" 32 && is_hex "$ct" 64 || refuse "$where: a member of the leaf is malformed"
	[ "$seq" = "$index" ] || refuse "$where: the leaf says that it is number $seq"
	case $kind in '' | *[!a-z._]*) refuse "$where: the kind is malformed" ;; esac
}

take() { # variable, text before, text after: what stands between them in the leaf
	taken=${leaf#*"$2"}
	taken=${taken%%"$3"*}
	case $taken in *'"'*) [ "$1" = commitments ] || refuse "$where: the leaf is not in the form of the format" ;; esac
	eval "$1=\$taken"
}

hash_leaf() {
	digest=$({ printf '\000'; printf '%s' "$leaf"; } | sha256sum)
	digest=${digest%% *}
}

check_opened() { # every opened value gives its commitment: HMAC-SHA256(key, value)
	opened_root= opened_count=
	[ "$opened" != '{}' ] || return 0
	left=${opened#'{'}
	fields=$commitments,
	while [ -n "$fields" ]; do
		pair=${fields%%,*}
		fields=${fields#*,}
		name=${pair#\"}
		name=${name%%\"*}
		case $left in "\"$name\":{\"key\":\""*) ;; *) continue ;; esac
		left=${left#"\"$name\":{\"key\":\""}
		secret=${left%%\"*}
		left=${left#"$secret\",\"value\":"}
		find_end
		is_hex "$secret" 64 || refuse "$where: the key of field $name is malformed"
		given=$(printf '%s' "$value" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret")
		[ "\"$name\":\"${given##* }\"" = "$pair" ] || refuse "$where: field $name was changed"
		case $name in root) opened_root=$value ;; count) opened_count=$value ;; att.[0-9]) check_file "${name#att.}" "$value" ;; esac
	done
	[ -z "$left" ] || refuse "$where: a field is opened that the leaf does not have"
}

find_end() { # split $left into $value and the rest, at the next field of the leaf that is opened, or at the end
	others=$fields
	while [ -n "$others" ]; do
		next=${others%%\":*}
		next=${next#\"}
		others=${others#*,}
		case $left in
		*"},\"$next\":{\"key\":\""*)
			value=${left%%"},\"$next\":{\"key\":\""*}
			left=${left#"$value},"}
			return
			;;
		esac
	done
	value=${left%'}}'}
	[ "$left" = "$value}}" ] || refuse "$where: what is opened is not in the form of the format"
	left=
}

# --- check 5: the heads ----------------------------------------------------------------------------------------------
read_heads() {
	read -r line <data/heads.json || refuse "data/heads.json: is cut short"
	[ "$(wc -c <data/heads.json)" -eq $((${#line} + 1)) ] || refuse "data/heads.json: is not one line"
	ends=${line##*',"streams":{'}
	read_entry "${line%',"streams":{'*}}" data/heads.json
	[ "$kind" = stream.heads ] || refuse "data/heads.json: is not an entry of kind stream.heads"
	heads_root=${opened_root#\"}
	heads_root=${heads_root%\"}
	heads_count=$opened_count
	is_hex "$heads_root" 64 && is_number "$heads_count" || refuse "data/heads.json: root and count are not opened"
	ends=${ends%'}}'},
	while [ -n "$ends" ]; do
		read_end
	done
}

read_end() { # one stream of $ends
	end_of=${ends%%\":*}
	end_of=${end_of#\"}
	item=${ends%%']}'*}']}'
	ends=${ends#"$item",}
	is_hex "$end_of" 32 || refuse "data/heads.json: a stream is malformed"
	at=${item#*'"index":'} && at=${at%%,*}
	last_hash=${item#*'"last":"'} && last_hash=${last_hash%%\"*}
	last_n=${item#*'"n":'} && last_n=${last_n%%,*}
	proof=${item#*'"proof":['} && proof=${proof%']}'}
	rebuilt="\"$end_of\":{\"index\":$at,\"last\":\"$last_hash\",\"n\":$last_n,\"proof\":[$proof]}"
	[ "$item" = "$rebuilt" ] && is_number "$at" && is_number "$last_n" && is_hex "$last_hash" 64 ||
		refuse "data/heads.json: stream $end_of is not in the form of the format"
	leaf="{\"last\":\"$last_hash\",\"n\":$last_n,\"stream\":\"$end_of\"}"
	hash_leaf
	read_path "$proof" "data/heads.json, stream $end_of"
	follow "$digest" "$at" "$heads_count" "data/heads.json, stream $end_of" "$nodes"
	[ "$hash" = "$heads_root" ] || refuse "data/heads.json: stream $end_of is not proved to end at n $last_n"
	printf '%s %s\n' "$last_n" "$last_hash" >"$work/ends/$end_of"
}

# --- checks 3 and 4 on all entries, and the counts for check 6 -------------------------------------------------------
walk_entries() {
	lines=0 bytes=0 opened_lines=0 before= before_n=0 before_hash= told_streams=
	while IFS= read -r line; do
		lines=$((lines + 1)) bytes=$((bytes + ${#line} + 1))
		read_entry "$line" "data/entries.jsonl, line $lines"
		if [ "$stream" != "$before" ]; then
			leave_stream
			before=$stream before_n=0 before_hash=
			[ -f "$work/ends/$stream" ] || refuse "$where: stream $stream is not in the heads, or stands twice"
		fi
		[ "$n" -eq $((before_n + 1)) ] || refuse "$where: in its stream, item $n follows item $before_n"
		[ "$prev" = "$before_hash" ] || refuse "$where: its link does not lead to the item before"
		before_n=$n before_hash=$digest
		count_entry
	done <data/entries.jsonl
	leave_stream
	[ "$bytes" -eq "$(wc -c <data/entries.jsonl)" ] || refuse "data/entries.jsonl: has bytes that no line has"
	for file in "$work"/ends/*; do
		[ ! -e "$file" ] || refuse "data/entries.jsonl: stream ${file##*/} is missing as a whole"
	done
}

leave_stream() {
	[ -n "$before" ] || return 0
	read -r last_n last_hash <"$work/ends/$before"
	[ "$before_n" -eq "$last_n" ] && [ "$before_hash" = "$last_hash" ] ||
		refuse "data/entries.jsonl: stream $before ends at n $before_n, but the heads end it at n $last_n"
	rm "$work/ends/$before"
	told_streams="$told_streams,\"$before\":$before_n"
	printf '%s\n' "$before" >>"$work/streams"
}

count_entry() {
	kind_lines=0 kind_opened=0
	[ ! -f "$work/kinds/$kind" ] || read -r kind_lines kind_opened <"$work/kinds/$kind"
	kind_lines=$((kind_lines + 1))
	if [ "$opened" != '{}' ]; then
		kind_opened=$((kind_opened + 1)) opened_lines=$((opened_lines + 1))
	fi
	printf '%s %s\n' "$kind_lines" "$kind_opened" >"$work/kinds/$kind"
}

# --- check 6: the manifest -------------------------------------------------------------------------------------------
check_manifest() {
	manifest=$(cat data/manifest.json)
	told_kinds=
	for file in "$work"/kinds/*; do
		read -r kind_lines kind_opened <"$file"
		told_kinds="$told_kinds,\"${file##*/}\":{\"entries\":$kind_lines,\"opened\":$kind_opened}"
	done
	told="{\"entries\":$lines,\"kinds\":{${told_kinds#,}},\"opened\":$opened_lines,\"streams\":{${told_streams#,}}}"
	require_told counts "$told"
	require_told checkpoint "{\"origin\":\"$origin\",\"root\":\"$root64\",\"size\":$size}"
	told=
	for file in data/attachments/* data/checkpoint data/entries.jsonl data/heads.json; do
		[ -e "$file" ] || continue
		require_listed manifest-sha256.txt "$file"
		hash_of <"$file"
		told="$told,\"$file\":{\"sha256\":\"$hash\",\"size_bytes\":$(($(wc -c <"$file")))}"
	done
	require_told files "{${told#,}}"
	names=${manifest##*'"streams":{'}
	tool=${names##*'},"tool":"'}
	case ${tool%'"}'} in *[!A-Za-z0-9\ ._-]*) refuse "data/manifest.json: does not end with its streams and tool" ;; esac
	names=${names%%'},"tool":'*},
	while read -r stream; do
		case $names in "\"$stream\":\""*) ;; *) refuse "data/manifest.json: its streams are not those of the entries" ;; esac
		names=${names#*'":"'}
		names=${names#*'",'}
	done <"$work/streams"
	[ -z "$names" ] || refuse "data/manifest.json: its streams are not those of the entries"
}

require_told() { # member, value: it must be there once, so that it cannot be told one way here and another way there
	case ${manifest#*"\"$1\":"} in *"\"$1\":"*) refuse "data/manifest.json: it tells its $1 twice" ;; esac
	case $manifest in *"\"$1\":$2"[,}]*) ;; *) refuse "data/manifest.json: its $1 do not fit what the package holds" ;; esac
}

usage() {
	printf 'usage: sh verify.sh KEY [FOLDER]   (KEY: <name>+<id>+<key>, published by the firm)\n' >&2
	exit 2
}

[ $# -eq 1 ] || [ $# -eq 2 ] || usage
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
mkdir "$work/nodes" "$work/ends" "$work/kinds" "$work/attached"
read_key "$1"
cd "${2:-$(dirname "$0")}" || usage
check_bag
check_checkpoint
read_heads
heads_at=$index
walk_entries
check_strange_files
check_manifest
printf 'verified and complete: %s entries, %s of them opened, up to entry %s, under the checkpoint of %s of size %s.\n' \
	"$lines" "$opened_lines" "$heads_at" "$origin" "$size"
