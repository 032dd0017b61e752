#!/bin/sh
# Check an export or a segment of the record with sh, openssl and coreutils only: sh verify.sh KEY [FOLDER]
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
		data/entries.jsonl | data/heads.json | data/checkpoint | data/manifest.json | data/disposals.jsonl) ;;
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

check_checkpoint() { # file: sets origin, size and root
	{
		IFS= read -r origin && IFS= read -r size && IFS= read -r root64 && IFS= read -r blank
	} <"$1" || refuse "$1: is cut short"
	is_number "$size" && [ -z "$blank" ] || refuse "$1: is not a checkpoint"
	[ "$origin" = "$key_name" ] || refuse "$1: is of $origin, the key is of $key_name"
	printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" >"$work/note"
	[ "$(sha256sum <"$work/note")" = "$(head -n 3 "$1" | sha256sum)" ] ||
		refuse "$1: has bytes that are not text"
	root=$(printf '%s' "$root64" | base64 -d 2>/dev/null | to_hex)
	is_hex "$root" 64 && [ "${#root64}" -eq 44 ] || refuse "$1: has no root"
	{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c 32 "$work/public"; } >"$work/key"
	is_signed= bytes=0
	tail -n +5 "$1" >"$work/signatures"
	while IFS= read -r line; do
		bytes=$((bytes + ${#line} + 1))
		signer=${line#'— '}
		name=${signer%% *} signature=${signer#* }
		case $signature in '' | *[!A-Za-z0-9+/=]*) refuse "$1: has a line that is not a signature" ;; esac
		[ "$line" = "— $name $signature" ] || refuse "$1: has a line that is not a signature"
		[ "$name" = "$key_name" ] || continue
		printf '%s' "$signature" | base64 -d >"$work/signed" 2>/dev/null
		[ "$(head -c 4 "$work/signed" | to_hex)" = "$key_id" ] || continue
		tail -c +5 "$work/signed" >"$work/signature"
		openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/note" \
			-sigfile "$work/signature" >/dev/null 2>&1 || refuse "$1: the signature does not fit"
		is_signed=yes
	done <"$work/signatures"
	[ "$bytes" -eq "$(wc -c <"$work/signatures")" ] || refuse "$1: has bytes that no line has"
	[ -n "$is_signed" ] || refuse "$1: is not signed by this key"
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

read_leaf() { # $escaped, as a line of an export has it
	leaf= text=$escaped
	while :; do
		case $text in
		*'\"'*) leaf="$leaf${text%%'\"'*}\"" text=${text#*'\"'} ;;
		*) break ;;
		esac
	done
	leaf=$leaf$text
	read_members
}

read_members() { # $leaf: sets its members
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
	opened_root= opened_count= opened_entries=
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
		case $name in root) opened_root=$value ;; count) opened_count=$value ;; entries) opened_entries=$value ;; att.[0-9]) check_file "${name#att.}" "$value" ;; esac
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
	! is_disposed || count_disposed
}

# --- check 8: the entries that say what was disposed of ----------------------------------------------------------------
read_disposals() { # into $work/disposed, one span a line
	disposed_lines=0 disposals=0 bytes=0
	[ -e data/disposals.jsonl ] || return 0
	while IFS= read -r line; do
		disposals=$((disposals + 1)) bytes=$((bytes + ${#line} + 1))
		read_entry "$line" "data/disposals.jsonl, line $disposals"
		[ "$kind" = disposal.made ] || refuse "$where: is not a disposal"
		spans=${opened_entries#'[['}
		spans=${spans%']]'}
		[ "$opened_entries" = "[[$spans]]" ] || refuse "$where: does not say what was disposed of"
		spans="$spans],["
		while [ -n "$spans" ]; do
			first=${spans%%,*}
			last=${spans#"$first,"}
			last=${last%%'],['*}
			spans=${spans#"$first,$last],["}
			is_number "$first" && is_number "$last" && [ "$first" -le "$last" ] && [ "$last" -lt "$index" ] ||
				refuse "$where: does not say what was disposed of"
			printf '%s %s\n' "$first" "$last" >>"$work/disposed"
		done
	done <data/disposals.jsonl
	[ "$bytes" -eq "$(wc -c <data/disposals.jsonl)" ] || refuse "data/disposals.jsonl: has bytes that no line has"
}

is_disposed() {
	[ -f "$work/disposed" ] || return 1
	while read -r first last; do
		[ "$index" -lt "$first" ] || [ "$index" -gt "$last" ] || return 0
	done <"$work/disposed"
	return 1
}

count_disposed() {
	[ "$opened" = '{}' ] || refuse "$where: the record says that it was disposed of, but it is opened here"
	disposed_lines=$((disposed_lines + 1))
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
	[ "$disposed_lines" -eq 0 ] || told="{\"disposed\":$disposed_lines,${told#'{'}"
	require_told counts "$told"
	require_told checkpoint "{\"origin\":\"$origin\",\"root\":\"$root64\",\"size\":$size}"
	told=
	for file in data/attachments/* data/checkpoint data/disposals.jsonl data/entries.jsonl data/heads.json; do
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

# --- a segment: a run of the record in tlog-tiles (section Segments of the format) ------------------------------------
check_segment() {
	read_description
	check_segment_files
	check_checkpoint data/checkpoint
	[ "$size" = "$run_size" ] && [ "$root" = "$run_root" ] && [ "$origin" = "$run_origin" ] ||
		refuse "data/checkpoint: is not the one that the segment leads to"
	read_tiles
	tree_root "$run_size"
	[ "$hash" = "$run_root" ] || refuse "data/tile: its hashes do not lead to the root of the checkpoint"
	if [ "$run_first" -gt 0 ]; then
		check_checkpoint data/before
		tree_root "$run_first"
		[ "$size" = "$run_first" ] && [ "$root" = "$hash" ] && [ "$origin" = "$run_origin" ] ||
			refuse "data/before: is not the checkpoint of the first $run_first entries"
	fi
	walk_bundles
	check_evidence
	printf 'verified: entries %s to %s of %s, %s of them opened, under the checkpoint of size %s.\n' \
		"$run_first" "$((run_size - 1))" "$run_origin" "$opened_lines" "$run_size"
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

check_segment_files() { # the bag lists exactly the files that a segment of this run has, and no other is there
	list_parts
	{
		printf '%s\n' data/checkpoint data/evidence.jsonl data/segment.json
		[ "$run_first" -eq 0 ] || printf 'data/before\n'
		while read -r level number width name; do
			printf 'data/tile/%s/%s\n' "$level" "$name"
			[ "$level" -gt 0 ] || printf 'data/tile/entries/%s\ndata/ciphertexts/%s\n' "$name" "$name"
		done <"$work/parts"
	} | sort >"$work/payload"
	printf '%s\n' README.txt bag-info.txt bagit.txt manifest-sha256.txt >"$work/tags"
	check_list manifest-sha256.txt "$work/payload"
	check_list tagmanifest-sha256.txt "$work/tags"
	printf 'tagmanifest-sha256.txt\n' | sort - "$work/payload" "$work/tags" >"$work/expected"
	[ "$(list_files . | sort | sha256sum)" = "$(sha256sum <"$work/expected")" ] ||
		refuse "the folder: it does not hold exactly the files of the segment"
}

check_list() { # list, file of the names that it must have, sorted
	[ -f "$1" ] || refuse "$1: the file is missing"
	while IFS= read -r line; do
		name=${line#$PATTERN_64'  '}
		[ "$line" = "${line%"  $name"}  $name" ] && is_hex "${line%"  $name"}" 64 || refuse "$1: has a line that is none"
		printf '%s\n' "$name"
	done <"$1" | sort >"$work/listed"
	[ "$(sha256sum <"$work/listed")" = "$(sha256sum <"$2")" ] || refuse "$1: does not list exactly the files of the segment"
	sha256sum --check --quiet --strict "$1" >"$work/said" 2>&1 || refuse "$1: $(head -n 1 "$work/said")"
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

read_tiles() { # the hashes of each tile, one a line, each full tile held against the one above it
	mkdir "$work/tiles"
	while read -r level number width name; do
		od -An -v -tx1 -w32 "data/tile/$level/$name" | tr -d ' ' >"$work/tiles/$level-$number"
		[ "$(wc -c <"data/tile/$level/$name")" -eq $((width * 32)) ] || refuse "data/tile/$level/$name: its size is wrong"
		[ "$level" -gt 0 ] || continue
		below=$((number * 256))
		while IFS= read -r expected; do
			if [ -f "$work/tiles/$((level - 1))-$below" ]; then
				perfect_root <"$work/tiles/$((level - 1))-$below"
				[ "$hash" = "$expected" ] || refuse "tile $((level - 1))/$below: is not what the tile above it says"
			fi
			below=$((below + 1))
		done <"$work/tiles/$level-$number"
	done <"$work/parts"
}

perfect_root() { # a power of two of hashes, one a line, on standard input; the answer is in $hash
	cat >"$work/level"
	while [ "$(wc -l <"$work/level")" -gt 1 ]; do
		while read -r left && read -r right; do
			node "$left" "$right"
			printf '%s\n' "$hash"
		done <"$work/level" >"$work/above"
		mv "$work/above" "$work/level"
	done
	read -r hash <"$work/level"
}

tree_root() { # size: the root over that many leaves, from the tiles at its right edge; the answer is in $hash
	roots= start=0 left_over=$1 width=1
	while [ $((width * 2)) -le "$1" ]; do width=$((width * 2)); done
	while [ "$left_over" -gt 0 ]; do
		if [ "$width" -le "$left_over" ]; then
			subtree_root "$start" "$width"
			roots="$hash $roots" start=$((start + width)) left_over=$((left_over - width))
		fi
		width=$((width / 2))
	done
	hash=
	for left in $roots; do
		if [ -z "$hash" ]; then hash=$left; else node "$left" "$hash"; fi
	done
}

subtree_root() { # first leaf, number of leaves (a power of two): the answer is in $hash
	level=0 first=$1 leaves=$2
	while [ "$leaves" -ge 256 ]; do
		level=$((level + 1)) first=$((first / 256)) leaves=$((leaves / 256))
	done
	tile=$work/tiles/$level-$((first / 256)) place=$((first % 256))
	[ -f "$tile" ] && [ "$(wc -l <"$tile")" -ge $((place + leaves)) ] || refuse "data/tile: a tile of level $level is missing"
	tail -n +$((place + 1)) "$tile" | head -n "$leaves" >"$work/part"
	perfect_root <"$work/part"
}

walk_bundles() { # every leaf and ciphertext
	: >"$work/wanted"
	while read -r level number width name; do
		[ "$level" -eq 0 ] || continue
		leaf_place=0 sealed_place=0 index=$((number * 256))
		while IFS= read -r expected <&3; do
			where="data/tile/entries/$name, entry $index"
			check_leaf
			index=$((index + 1))
		done 3<"$work/tiles/0-$number"
		[ "$leaf_place" -eq "$(wc -c <"data/tile/entries/$name")" ] || refuse "data/tile/entries/$name: has bytes that no leaf has"
		[ "$sealed_place" -eq "$(wc -c <"data/ciphertexts/$name")" ] ||
			refuse "data/ciphertexts/$name: has bytes that no entry has"
	done <"$work/parts"
}

take_item() { # file, place, bytes of the length: the item is in $work/item, the place after it in $place
	length=0
	for byte in $(od -An -v -tu1 -j "$2" -N "$3" "$1" 2>/dev/null); do length=$((length * 256 + byte)); done
	tail -c +$(($2 + $3 + 1)) "$1" | head -c "$length" >"$work/item"
	[ "$(wc -c <"$work/item")" -eq "$length" ] && [ "$length" -gt 0 ] || refuse "$where: its bundle is cut short"
	place=$(($2 + $3 + length))
}

check_leaf() {
	take_item "data/tile/entries/$name" "$leaf_place" 2
	leaf_place=$place
	leaf=$(cat "$work/item")
	hash_leaf
	[ "${#leaf}" -eq "$length" ] && [ "$digest" = "$expected" ] || refuse "$where: its bytes do not have the hash in the tile"
	read_members
	before_n=$((n - 1)) before_hash=$prev
	[ ! -f "$work/ends/$stream" ] || read -r before_n before_hash <"$work/ends/$stream"
	[ "$n" -eq $((before_n + 1)) ] && [ "$prev" = "$before_hash" ] && { [ "$n" -gt 1 ] || [ -z "$prev" ]; } ||
		refuse "$where: it does not follow the item before it in its stream"
	printf '%s %s\n' "$n" "$digest" >"$work/ends/$stream"
	take_item "data/ciphertexts/$name" "$sealed_place" 4
	sealed_place=$place
	hash_of <"$work/item"
	[ "$hash" = "$ct" ] || refuse "$where: its ciphertext is not the one that the leaf names"
	[ "$index" -ge "$run_first" ] || return 0
	case $kind in
	checkpoint.stamped | checkpoint.witnessed | segment.sealed | stream.heads) printf '%s %s\n' "$index" "$commitments" >>"$work/wanted" ;;
	esac
}

check_evidence() { # one line for each entry about evidence, opened as a whole or not at all
	opened_lines=0 bytes=0
	exec 3<"$work/wanted"
	while IFS= read -r line; do
		bytes=$((bytes + ${#line} + 1))
		where="data/evidence.jsonl, ${line%%,*}"
		read -r index commitments <&3 || refuse "$where: is of no entry about evidence"
		opened=${line#"{\"index\":$index,\"opened\":"}
		opened=${opened%'}'}
		[ "$line" = "{\"index\":$index,\"opened\":$opened}" ] || refuse "$where: is not of the next entry about evidence"
		check_opened
		[ "$opened" != '{}' ] || continue
		opened_lines=$((opened_lines + 1))
		all=$commitments,
		while [ -n "$all" ]; do
			field=${all%%:*}
			all=${all#*,}
			case $opened in *"$field:{\"key\":\""*) ;; *) refuse "$where: does not open every field of its entry" ;; esac
		done
	done <data/evidence.jsonl
	[ "$bytes" -eq "$(wc -c <data/evidence.jsonl)" ] || refuse "data/evidence.jsonl: has bytes that no line has"
	! read -r index commitments <&3 || refuse "data/evidence.jsonl: lacks entry $index"
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
if [ -e data/segment.json ]; then
	check_segment
	exit 0
fi
check_bag
check_checkpoint data/checkpoint
read_heads
heads_at=$index
read_disposals
walk_entries
check_strange_files
check_manifest
[ "$disposed_lines" -eq 0 ] || disposed=", $disposed_lines disposed of"
printf 'verified and complete: %s entries, %s of them opened%s, up to entry %s, under the checkpoint of %s of size %s.\n' \
	"$lines" "$opened_lines" "${disposed-}" "$heads_at" "$origin" "$size"
