"""The README.txt of an export package: what it is and how to check it without us, for people who are not programmers.

The commands in it are run by a test. It must not contain the key that the package is to be checked with.
"""

from archive.export.jsonl import Counts, Cut

# -I: else a file of the package that is named like a part of Python would be run in its place.
PYTHON_COMMAND = 'python3 -I verify.py --key "$KEY"'
_TEXT = """\
Export {export_id} of the record of {origin}
{underline}

WHAT THIS IS
This folder holds {entries} entries of a business record: all entries of {streams} of its streams, from the
first to the last, as they stood at entry {heads_seq}. {opened} of them lie in what was asked for and are readable
here ("opened"); the others are here so that it can be proved that nothing was left out.

  data/entries.jsonl    the entries, one a line, each with its proof
  data/attachments/     the files of opened entries, if there are any: <number of the entry>-<place>.<ending>
  data/disposals.jsonl  the entries that say which of these the firm has destroyed the content of, if there are any
  data/heads.json       the proof of where every stream ended
  data/checkpoint       the signed statement that all proofs lead to
  data/manifest.json    what was asked for, by whom, who approved it, and how much of what is in here
  verify.py             the program that checks all of it
  verify.sh             another program that checks all of it

GET THE KEY FIRST
You need the verifier key of the firm. It is one line that begins with {origin}+.
Take it from somewhere else than this package and whoever gave it to you: the firm's published policy, its
regulator's file, an earlier letter. Whoever could alter this package could have put another key into it.

WAY 1: OUR PROGRAM
Needs Python 3.8 or later and no network. In this folder, with the key between the quotation marks:

    {python_command}

It says "verified and complete", or it names the file, the line and the entry that is wrong. It does not matter
that the program comes with the package if you compare it with a copy that you have from elsewhere, or read it:
it is one file, made to be read. Do not leave out -I: without it, Python would also run other files of this folder.

WAY 2: A SHELL SCRIPT WITH OPENSSL
Needs a POSIX shell with awk, openssl and the GNU coreutils. It makes the same checks and shares no code with way 1;
it takes about a minute for 30,000 entries:

    sh verify.sh "$KEY"

The files alone, and the signature of the checkpoint, can also be checked by hand:

    sha256sum --check --quiet manifest-sha256.txt
    sha256sum --check --quiet tagmanifest-sha256.txt
    work=$(mktemp -d)
    head -n 3 data/checkpoint > "$work/note"
    sed -n 5p data/checkpoint | cut -d ' ' -f 3 | base64 -d | tail -c 64 > "$work/signature"
    printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000' > "$work/key"
    printf '%s' "$KEY" | cut -d + -f 3- | base64 -d | tail -c 32 >> "$work/key"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/note" -sigfile "$work/signature"

WAY 3: ANY OTHER PROGRAM
The format is public and made of public parts: a Merkle tree after RFC 6962, a checkpoint after C2SP
(tlog-checkpoint, signed-note), canonical JSON after RFC 8785, and a BagIt bag after RFC 8493. The specification
is docs/record-format.md of the program that made this package; it lists what a verifier must check.

A TIME STAMP, IF THERE IS ONE
A time stamp authority may have signed that it saw a checkpoint of this record, and when (RFC 3161): then nobody, not
even with the firm's key, can have made up an earlier past since. Ask the firm for the first stamped checkpoint of at
least as many entries as line 2 of data/checkpoint says, with its stamp, and the authority for its certificates:

  openssl ts -verify -data checkpoint-SIZE -in stamp-SIZE.tsr -CAfile certificates.pem

The firm shows with its published record of that size that the stamped checkpoint continues the one in here: the
first entries of it, as many as line 2 of data/checkpoint says, have the root in line 3.

WHAT IT PROVES
No entry was changed, added or left out since it was recorded, in any of the streams that are in here. It does not
prove that what people wrote is true, nor that the streams in here are all that concern your matter: which
streams were asked for stands in data/manifest.json.
"""


def readme(cut: Cut, *, export_id: int, counts: Counts) -> str:
    title = f"Export {export_id} of the record of {cut.origin}"
    return _TEXT.format(
        python_command=PYTHON_COMMAND,
        export_id=export_id,
        origin=cut.origin,
        underline="=" * len(title),
        entries=counts.entries,
        opened=counts.opened,
        streams=f"{len(counts.streams)} of {len(cut.heads)}",
        heads_seq=cut.heads_seq,
    )
