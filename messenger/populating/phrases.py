"""What invented people are called and what they say: words only, nothing that decides."""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES: Final = _words(
    "Amira Anton Astrid Beatriz Benedikt Boris Camille Chidi Clara Dalia Daniel Diego Elif Emil Esra Fatima "
    "Felix Freya Gabriel Goran Greta Hana Hassan Helen Ida Igor Ingrid Ivan Jonas Julia Jun Kaja Karim "
    "Katarina Laila Lars Leo Lucia Magnus Malik Marta Mei Milan Nadia Nils Noor Olga Omar Oscar Paula Pavel "
    "Priya Quentin Rafael Rania Rosa Samir Sofia Sven Tamara Tariq Tomas Uma Ursula Vera Viktor Wanda Xenia "
    "Yara Yusuf Zara Zoltan"
)
LAST_NAMES: Final = _words(
    "Abara Albrecht Andersen Aydin Baptista Bauer Becker Bergstrom Bianchi Cardoso Castillo Cheng Costa Dahl "
    "Dimitrov Duarte Eriksen Farouk Ferrari Fischer Fontaine Garcia Georgiou Haddad Halvorsen Hassan Hoffmann "
    "Ibarra Ito Jansen Joshi Kaplan Kovacs Kowalski Lambert Larsen Lehmann Lindholm Marchetti Marin Mendes "
    "Moreau Nakamura Navarro Nguyen Novak Okoye Olsen Orlov Ozturk Park Petrov Popescu Quinn Ramos Reyes "
    "Rossi Sato Schmidt Silva Simon Sorensen Tanaka Torres Ulrich Vargas Vidal Weber Winter Xu Yilmaz Zhang "
    "Zimmer"
)
SYLLABLES: Final = _words(
    "al an ar bel bor cal dor el fen gar hal il jor kel lan mar nor or pel quin ras sel tor ul ver wes yor"
)
TOPICS: Final = _words(
    "Rates Credit Equities Funds Payments Reporting Onboarding Tax Research Treasury Mandates Custody"
)

# {c} a client, {d} a day, {n} a number. How much each language is spoken stands before its sentences.
LANGUAGES: Final[tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        60,
        (
            "Could you send me the term sheet for {c} before {d}?",
            "The client would like to see the numbers for the last {n} months.",
            "I spoke to {c} this morning and they are fine with the new schedule.",
            "Please have a look at the draft, page {n} in particular.",
            "We should move the call with {c} to {d}, the room is taken.",
            "The settlement of {n} units went through, confirmation is attached to the ticket.",
            "Nobody has answered the question about fees yet, can somebody from the desk take it?",
            "I think that the second paragraph needs another pair of eyes, legal wants it shorter.",
            "Done, {c} has countersigned.",
            "Who covers {d}?",
            "The report is late because the feed from the custodian stopped at {n} rows.",
            "Let us keep this on the agenda for {d} and decide then.",
        ),
        ("ok", "Thanks!", "On it.", "Yes, that works for me.", "Good catch", "Will do", "No, sorry", "See you then"),
    ),
    (
        12,
        (
            "¿Puedes enviarme el contrato de {c} antes de {d}?",
            "El cliente quiere ver las cifras de los últimos {n} meses.",
            "He hablado con {c} esta mañana y está de acuerdo con el calendario.",
            "La reunión de {d} se mueve, la sala está ocupada.",
            "Falta la firma de {c} en la página {n}.",
        ),
        ("Gracias", "De acuerdo", "Perfecto, hasta mañana", "Sí"),
    ),
    (
        12,
        (
            "Kannst du mir bis {d} die Unterlagen für {c} schicken?",
            "Die Abrechnung über {n} Stück ist durch, die Bestätigung kommt heute noch.",
            "Bitte noch einmal Seite {n} prüfen, die Zahlen stimmen nicht überein.",
            "{c} möchte den Termin lieber größer fassen und alle einladen.",
            "Wer übernimmt am {d} die Vertretung?",
        ),
        ("Danke", "Passt", "Mache ich gleich", "Nein, leider nicht"),
    ),
    (
        8,
        (
            "Pourriez-vous relire la note pour {c} avant {d} ?",
            "Le client a demandé les chiffres des {n} derniers mois.",
            "La réunion de {d} est déplacée, je préviens {c}.",
            "Il manque une signature à la page {n}, à vérifier.",
        ),
        ("Merci", "D'accord", "C'est noté", "À demain"),
    ),
    (
        5,
        (
            "{c} の契約書を {d} までに送ってください。",
            "直近 {n} か月の数字を確認しました。",
            "会議は {d} に変更になりました。",
        ),
        ("了解です", "ありがとうございます", "はい"),
    ),
    (
        3,
        ("هل يمكنك إرسال العقد الخاص بـ {c} قبل {d}؟", "العميل يريد أرقام آخر {n} أشهر.", "تم تأجيل الاجتماع إلى {d}."),
        ("شكرا", "تمام", "نعم"),
    ),
)
DAYS: Final = _words("Monday Tuesday Wednesday Thursday Friday")
EMOJI: Final = _words("👍 🙏 😀 🎉 ✅ 👀 🚀 😅 ☕ 📎 🧾 👩🏽‍💻")
