"""Sentences to fit with, seeded: patterns filled with words. None is of the made corpus, which measures what is fitted.

They needn't make sense. What they have to hold is what stands beside a space, and what looks as if it did: letters
that are thin or lean, words of one letter, apostrophes, dashes, quotation marks, numbers, marks with a space before
them, and Latin words among Chinese characters.
"""

from __future__ import annotations

import random
import re

__all__ = ["LANGUAGES", "phrase"]

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "who": "I|we|they|you|my brother|the tall fellow|Mrs. Alvarez|Dr. Ito|our captain|Lily|Will|Otto|a tailor|"
        "his uncle|nobody here|all of us|the twins|Ms. O'Neil|Jeff|Ivy|it|that little girl|the Italian|her ex",
        "did": "will try it|fell off|lit a fire|sold it all|lost a bet|called in|saw it fly|left for Oslo|"
        "felt ill|told a lie|ran off with it|hid in a loft|kept it safe|took a taxi|missed it by far|"
        "filled it to the brim|built a raft|won't tell|didn't like it|couldn't lift it|isn't in|hasn't eaten",
        "what": "a lift|the lilac hat|two of a kind|an awful lot|his last film|a jar of jam|the kite|half of it|"
        "fifty-five tickets|a fair fight|your wallet|the village fair|an old fiddle|that ring|it|this or that|"
        "a first-rate job|the joint account|their wifi|a bit of luck|little Italy|flat 11",
        "where": "at the fair|in the attic|up a hill|off the wall|on flight 417|by the river|in it|at half-time|"
        "over there|out in the field|on the left|in aisle 14|at 11 Mill Lane|back in Tulsa|inside",
        "when": "at six|by 7:15|on April 1st|in a while|till it's late|after all|for a bit|all night|"
        "at a quarter to|since May|twice a week|at 10 o'clock|in '71|on the 11th|again|first",
        "say": "Well|Look|All right|If I may|Fine|Listen|I'll bet|It's true|Still|After all|Oh|Alas|Let's see|No|Yes",
    },
    "fr": {
        "who": "il|elle|on|je|l'oncle|ma tante|M. Lefort|l'élève|Julie|tout le monde|l’infirmier|cet homme|qui|Ali",
        "did": "part d'ici|l'a vu|n'a rien dit|fait la fête|s'en ira|lit la lettre|a fini tôt|l’aime|y était|"
        "tient à lui|rit fort|m'a cru|l’a jeté|finira la liste",
        "what": "le fil|l'aile|un film|la vérité|l’hiver|d'autres filles|le lit|quelqu'un|cette île|l'idée|la fin|"
        "qu'un ami|le jardin fleuri|deux tartes|1 500 €|35 %",
        "where": "à Lille|au lit|dans l'île|sur le toit|là-bas|chez lui|ici|à l’étage|en Italie|près d'elle",
        "when": "à 8 h 30|hier|à l'aube|ce jeudi|jusqu'à midi|tôt|enfin|l’été|le 11 mai|aujourd'hui",
        "say": "Eh bien|Écoute|Voilà|D'accord|Tiens|Ah|Alors|Bref|C'est-à-dire|Oui|Non|Qu'est-ce|Tant pis",
    },
    "es": {
        "who": "él|ella|yo|mi tía|el fiel Luis|la niña|Don Julián|nadie|todos|el jefe|Lola|un tipo|Félix|la artista",
        "did": "lo sabía|se fue|no dijo nada|vino a verla|la dejó aquí|leyó el libro|salió al jardín|lo juró|"
        "filmó la fiesta|ya está listo|tiró la llave",
        "what": "la lista|el hilo|un filo|a Julia|el final feliz|la luz|mil flores|el lío|otra idea|la jirafa|"
        "1.250 €|el 14 %|un baúl|la isla",
        "where": "en la isla|al fin|allí|en Sevilla|a la izquierda|aquí|en el jardín|a la salida|en Lima",
        "when": "a las 7:15|ayer|hoy|el jueves|al alba|ya|a veces|el 11 de julio|todavía|tarde",
        "say": "Oye|Mira|Bueno|Claro|¿Y si|Ay|Pues|En fin|Vale|Sí|No|Dime|A ver",
    },
    "de": {
        "who": "er|sie|ich|die alte Tilli|mein Onkel|Frau Illig|der Fahrer|niemand|Dr. Fitz|Willi|das Kind|jeder|wir",
        "did": "lief fort|fiel um|sagte nichts|will es nicht|trifft ihn|hält still|ließ es fallen|tut so|liest viel|"
        "ist fertig|jagt ihn|half mir|irrt sich",
        "what": "das Filmteam|die Tür|ein Licht|den Brief|viel Lärm|die Liste|ihn|ein Stück Filz|11 Taler|"
        "die Füße|alles|das Fräulein|20 %|den Äpfeln zuliebe",
        "where": "im Tal|am Fluss|in Ulm|auf dem Hof|hier|dort drüben|im Stall|links|bei Tisch|am Ziel",
        "when": "um 7:15 Uhr|gestern|am 11. Juli|bald|früh|seit je|oft|um elf|jetzt|nie",
        "say": "Nun|Also|Ach so|Gut|Na ja|Halt|Still|Ja|Nein|Hör zu|Los|Tja",
    },
    "zh": {
        "who": "我|他|她们|老李|小明|医生|这位先生|Tom|Lily|我们|店主|经理",
        "did": "不知道|还没来|走了|说过了|笑了|买到了|找不到|很喜欢|想一想|回家了|看错了|忘记带了",
        "what": "这本书|手机|那张票|iPhone 15|两杯茶|这件事|NBA的比赛|一只猫|旧照片|WiFi密码|三十个人|电影",
        "where": "在北京|在楼上|在这里|在车站|在门口|去学校|在B座|在公园里",
        "when": "昨天|现在|早上8点|今晚|两年前|1998年|星期三|以后|刚才",
        "say": "好|喂|你看|不过|对了|是吗|天啊|没错|等等|OK",
    },
}
_PATTERNS = {
    "en": (
        "{Say}!|{Say}?|{Who}?|"
        "{Who} {did} {when}.|{Who} {did}, {who} {did}.|{Say}, {who} {did} {where}.|Did {who} get {what} {when}?|"
        "If {who} {did}, I'd take {what}.|{Say}... {who} {did}!|It's {what}, isn't it?|“{Who} {did},” {who} said.|"
        '"{Say}!" {Who} {did}.|{Who} - {who} {did} {where}.|{What} – {where}?|{Say} — {who} {did}!|'
        "{Who}'s {where} ({when}).|I'll {what}, you'll {what}.|Is it {what} or {what}?|A {what}, I think.|"
        "I'm {where}, I've {what} {when}.|Tell {who} I {did}.|{What} is {what}.|No, {who} {did} {where} {when}.|"
        "Rock 'n' roll {where}.|The {who}s' {what} {did}.|It cost $1,150, {what} at 5%.|{Say}; {who} {did}: {what}.|"
        "It is still {what}.|Will it fit {where}?|{Who} {did} till {when}.|- {Say}, {who} {did}.|-{Say}. {Who} {did}.|"
        '...{who} {did}.|... and {who} {did}...|…{where}.|"{Say}," {who} said.|{Who} said, "{Say}."|about "{what}"?|'
        '"{Who} {did}," {who} {did}.|{what} {where}|{did} {when}.|(if {who} {did})|[{what}]|[{Who} {did}.]|'
        "{Who}: {Say}!|‘{Say},’ {who} said.|{who}, {who}, {what}...|{What}-{what}?|{Who} {did}.. {Say}!"
    ),
    "fr": (
        "{Say} !|{Say}.|{Who} ?|"
        "{Who} {did} {when}.|{Say} ! {Who} {did}.|{Say}, {who} {did} {where} ?|« {Who} {did} », dit {who}.|"
        "Est-ce qu'{who} {did} ?|{Say} : {what} !|C'est {what}, n'est-ce pas ?|L'un {did}, l'autre {did}.|"
        "J'ai {what} {where}.|- {Say}, {who} {did}.|{Who} {did}… {when} !|S'il {did}, {who} {did} ; {what}.|"
        "Il y a {what} {where}.|Va-t-il {where} {when} ?|– {Say} ! – {Who} {did}.|"
        '...{who} {did}.|"{Say}", dit {who}.|{what} {where}|[{what}]|({Who} {did}.)|{who} {did}...'
    ),
    "es": (
        "¡{Say}!|{Say}.|¿{Who}?|"
        "{Who} {did} {when}.|¿{Who} {did} {where}?|¡{Say}, {who} {did}!|{Say}, {who} {did} {where}.|"
        "«{Who} {did}», dijo {who}.|- ¿{What}? - {Say}.|{Who} {did}... {when}.|Si {who} {did}, yo {did}.|"
        "Es {what} o {what}.|{What}: {what}; {when}.|– ¡{Say}! {Who} {did}.|Allí {did} {what}.|"
        '...{who} {did}.|"{Say}", dijo {who}.|{what} {where}|[{what}]|({Who} {did}.)|¿"{What}"?'
    ),
    "de": (
        "{Say}!|{Say}.|{Who}?|{Who} {did} {when}.|{Say}, {who} {did} {where}.|Ist {what} {where}?|{Say}! {Who} {did}.|"
        "„{Who} {did}“, sagte {who}.|Wenn {who} {did}, will ich {what}.|- {Say}. - {Who} {did}?|"
        "{Who} – {who} {did} – {what}.|Gibt's {what} {where}?|"
        "{What} ({when}) ist {what}.|{Say}... {who} {did}.|Vielleicht {did} {who} {when}.|"
        '...{who} {did}.|"{Say}", sagte {who}.|{what} {where}|[{what}]|({Who} {did}.)|„{Say}!“ {Who} {did}.'
    ),
    "zh": (
        "{Say}！|{Say}|{Who}？|{Who}{did}。|{Say}，{who}{did}！|{Who}{when}{where}{did}|{When}{who}{did}{what}。|{Who}{did}吗？|"
        "- {Say}。|-{Say}！{Who}{did}|"
        "“{Who}{did}”|{Who}{did}……|{What}{where}，{who}{did}|—{Who}{did}|{Who}：{what}|{Who}有 iPhone 15 了|"
        "{Who}在 B 座{did}|{Who}看了 NBA 的比赛|Tom 说{what}{did}|OK 吗，{who}{did}|{When} {who}{did}|{Who}的 WiFi 密码"
    ),
}
LANGUAGES = tuple(_PATTERNS)


def phrase(rng: random.Random, language: str) -> str:
    """Returns a sentence in one of LANGUAGES, spaces single. Some of those in Latin letters are all capitals."""
    words = _WORDS[language]

    def fill(slot: re.Match[str]) -> str:
        chosen = rng.choice(words[slot[1].lower()].split("|"))
        return chosen[0].upper() + chosen[1:] if slot[1][0].isupper() else chosen

    text = re.sub(r"\{(\w+)\}", fill, rng.choice(_PATTERNS[language].split("|")))
    capitals = language != "zh" and rng.random() < 0.08
    return text.upper() if capitals else text
