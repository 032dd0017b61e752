"""The words by which people opt out, ask for help and come back, by language. Data only; `opt_out` gives them meaning.

All entries are written as `normalise` leaves them: lower case, no accents, no punctuation, single spaces.
"""

# 47 CFR 64.1200(a)(10): these words are an opt-out by themselves, whatever else was agreed.
PER_SE = frozenset({"stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"})
# What carriers and the CTIA principles add to them.
CARRIER = frozenset({"stopall", "stop all", "optout", "end all", "endall", "unsub"})
OTHER_LANGUAGES: dict[str, frozenset[str]] = {
    "es": frozenset({"alto", "baja", "cancelar", "cancela", "detener", "parar", "pare", "salir", "para ya"}),
    "fr": frozenset({"arret", "arreter", "arretez", "annuler", "desabonner", "desinscrire", "desinscription"}),
    "pt": frozenset({"cancelar", "descadastrar", "parar", "pare", "remover", "sair"}),
    "de": frozenset({"stopp", "abmelden", "abbestellen", "beenden", "ende", "kundigen", "austragen"}),
    "it": frozenset({"annulla", "cancella", "disiscrivi", "disiscrivimi", "ferma", "fermare", "interrompi"}),
}

# Reasonable wordings: clear enough to revoke, free enough to let a person look at them.
PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "remove me", "remove my number", "remove this number", "take me off", "delete my number", "lose my number",
        "wrong number", "wrong person", "do not text", "dont text", "do not contact", "dont contact",
        "do not message", "dont message", "do not send", "dont send", "stop texting", "stop messaging",
        "stop contacting", "stop sending", "stop the texts", "stop the messages", "stop these", "no more texts",
        "no more messages", "leave me alone", "unsubscribe me", "opt me out", "want to opt out", "like to opt out",
        "wish to opt out", "i revoke", "withdraw my consent", "revoke my consent", "never text me",
    ),
    "es": (
        "no mas mensajes", "no mas textos", "no me escriba", "no me escriban", "no me escribas", "no me mande",
        "no me manden", "no me envie", "no me envien", "deje de", "dejen de", "deja de", "borreme", "borrame",
        "quiteme", "quitame", "numero equivocado", "dame de baja", "deme de baja", "darme de baja",
    ),
    "fr": (
        "ne m ecrivez plus", "ne m ecris plus", "ne plus m ecrire", "ne me contactez plus", "arretez de",
        "arrete de m", "supprimez moi", "retirez moi", "desabonnez moi", "desinscrivez moi", "mauvais numero",
        "plus de messages", "plus de sms",
    ),
    "pt": (
        "nao me mande", "nao me mandem", "nao me envie", "nao me escreva", "nao quero mais mensagens", "me remova",
        "remova me", "me tire", "pare de", "parem de", "numero errado", "me descadastre", "chega de mensagens",
    ),
    "de": (
        "nicht mehr schreiben", "nicht mehr anschreiben", "schreiben sie mir nicht", "schreib mir nicht",
        "keine nachrichten mehr", "keine sms mehr", "melden sie mich ab", "bitte abmelden", "falsche nummer",
        "loschen sie meine nummer", "tragen sie mich aus", "horen sie auf",
    ),
    "it": (
        "non scrivetemi", "non scrivermi", "non mi scriva", "non mi scrivete", "non mi scrivere", "numero sbagliato",
        "toglietemi", "toglimi", "cancellatemi", "cancellami", "smettetela", "smettila", "basta messaggi",
        "non voglio piu messaggi",
    ),
}  # fmt: skip
# An opt-out when they are the whole text, ordinary speech inside a longer one.
WHOLE_ONLY = frozenset(
    {"no mas", "basta", "basta cosi", "ya basta", "ca suffit", "es reicht", "chega", "remove", "no more", "stop it"}
)
POLITE = frozenset(
    {
        "please", "pls", "plz", "thanks", "thx", "thank", "you", "now", "ok", "okay", "sir", "madam", "kindly", "hi",
        "hello", "por", "favor", "gracias", "merci", "svp", "s", "il", "vous", "plait", "obrigado", "obrigada",
        "bitte", "danke", "grazie", "per", "favore", "just",
    }
)  # fmt: skip

# Uncertain: suppress at once and ask a person.
STRONG = frozenset({"unsubscribe", "unsubscribed", "stopall", "optout", "desabonner", "abbestellen", "descadastrar"})
STRONG_PHRASES = ("opt out", "opted out", "go away", "fuck off", "piss off", "do not call", "dont call")
STOP_VERBS = frozenset({"stop", "stopped", "quit", "end", "cancel", "revoke", "stopp", "arret", "parar", "pare"})
ABOUT_TEXTS = frozenset(
    {
        "text", "texts", "texting", "sms", "message", "messages", "messaging", "msg", "msgs", "spam", "spamming",
        "subscription", "list", "contacting", "harassing", "harassment", "consent", "mensajes", "mensagens",
        "nachrichten", "messaggi",
    }
)  # fmt: skip
# Before a match they turn its meaning round: "please don't stop texting me".
NEGATIONS = ("do not", "dont", "never", "no need to", "not", "without", "didnt", "did not", "cant", "wont")

HELP = frozenset({"help", "info", "ayuda", "aide", "ajuda", "hilfe", "aiuto"})
START = frozenset({"start", "unstop", "subscribe", "resume"})
YES = frozenset({"yes", "y", "si", "oui", "sim", "ja"})

SIGNATURES = (
    "sent from my",
    "sent from",
    "get outlook for",
    "enviado desde mi",
    "envoye de mon",
    "von meinem iphone gesendet",
    "inviato da",
    "enviado do meu",
)
# Letters of other alphabets that look like ours: "STОP" with a Cyrillic О is read as it looks.
LOOKALIKES = str.maketrans(
    "аесорхуіјѕтвнкмԁԛԝοαερτυνικχβηω",
    "aecopxyijstbhkmdqwoaeptuvikxbnw",
)
