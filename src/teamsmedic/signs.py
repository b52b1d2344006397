"""What stands around a code in texts of many languages, and around what only looks like one; patterns, no decisions.

Python's patterns see at most a few hundred characters. Those for hyperscan (`TRIGGERS`) see bytes of UTF-8, and must
catch all that the rules of `recognise` could accept: their distances are wider, since a letter may have four bytes.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _parts(text: str) -> tuple[str, ...]:
    return tuple(one for line in text.split("\n") for one in line.strip().split("|") if one)


LINKS = _words(
    """
    is was ist war lautet lautete nr no num number nummer numéro número numero value wert valeur valor id of
    with mit avec con com met med returned returns meldet es est era the a an von de der het är er shows show
    says reads zeigt name номер は が 为 是 入 d sip http entra in microsoft hex dec decimal se
    """
)
"""Words that may stand between a label and its number."""

ERRORS = _parts(
    """
    error|erreur|erro|fehler|fout|fejl|feil|felkod|virhe|hiba|kesalahan|błęd|błąd|chyb|eroare|ошибк|помилк|грешк
    hata|σφάλμα|エラー|错误|錯誤|오류|에러|خطأ|الخطأ|שגיא|ข้อผิดพลาด|lỗi|त्रुटि|greška|napaka|viga|kļūda|klaida
    ralat|exception|hresult|failure|failed|statuscode|resultcode|resulttype|errcode|errno|diagcode|subcode
    reasoncode|responsecode|コード|代码|代碼|代號|코드|رمز|รหัส|कोड|ステータス|状态|狀態|상태
    """
)
"""Parts of words for an error or its code, as they stand in compounds."""

CODES = _words(
    """
    code codes kod kodu kód kode koodi codice código códigos codigo cod код коде кода кодом κωδικός κωδικό
    status result resultado ergebnis rc hr sc reason statut estado stato статус err fail fails fel erro קוד mã
    subreason callendreason callendsubreason finalsipcode wrong schiefgelaufen produite mal storto errado
    misgegaan gegaan inträffat cause
    """
)
"""Whole words for the same."""

THINGS = _words(
    """
    postleitzahl plz postcode zipcode vorwahl rechnung rechnungsnummer invoice facture factura bestellung
    bestellnummer order orders commande pedido ticket incident dossier case inc chg req sr raum zimmer saal
    salle sala room stanza kamer rum durchwahl nebenstelle poste interno anexo ext extension toestel anknytning
    内線 分机 내선 port ports puerto puertos porta poort seite page pages zeile ligne linea línea riga regel rad
    line lines 行 build version release firmware pid tid process prozess processus proceso thread threads event
    eventid ereignis evento événement recordid job task tasks seat platz account konto serial asset badge flight
    flug vol bus zug train gate highway rfc iso kb cve artikel article item sku model modell modèle chapter
    section figure table episode channel kanal vlan slot index idx seq sequence cseq packet frame ssrc expires
    timestamp rtpmap bytes size len length count total sum duration elapsed timeout latency delay rtt jitter ttl
    offset width height column spalte step schritt attempt versuch retry level priority score close closed
    websocket socket year jahr age price preis tel telefon phone mobile mobil handy fax cell dial dialed dialled
    gewählt building gebäude floor etage stock desk office street straße strasse rue userid benutzer usr uid gid
    employee personalnummer cpu mem memory heap gc rev revision commit changeset issue pr bug node partition
    batch buffer took every within around about over under than between queue agent agents max min avg mean
    median rate bitrate sample freq frequency speed temp temperature voltage battery free used available
    expected anzahl amount betrag trunkid session sessions instance kundennummer customer cost kosten
        trunk trunks group gruppe registrations registered calls anrufe telefonate appels llamadas chiamate users user
    rack keepalive minutes suite apt usage usages invites byes cancels exp iat nbf epoch
    route routes endpoint ipgroup attempts msgs messages n s
    """
)
"""Words for numbered or measured things."""

CODES_OF_THINGS = _words(
    """
    zip post postal postleit area country dial dialing dialling product qr order access pin promo bar source
    exit branch sort discount voucher coupon gift verification verifizierungs security conference pass door
    color colour item model part tax currency lang language swift iban unlock invite meeting otp bestätigungs
    bestell zugangs tür site cost char key scan virtual byte op machine geo close closed websocket socket http
    https
    """
)
"""What makes of `code` after it something else."""

NOT_HEX = _words(
    """
    commit sha sha1 sha256 hash rev revision md5 crc crc32 etag checksum address addr pointer ptr handle base
    offset seed color colour mask flag flags thumbprint fingerprint serial uuid guid mac branch nonce tag cookie
    thread object instance volume serialnumber
    """
)
"""Words before hexadecimal numbers that are no codes."""


class Signs:
    """Words and parts of words that say what a text is about."""

    def __init__(self, words: str, parts: str) -> None:
        """Takes whole words, separated by blanks, and parts, separated by bars; lower case."""
        self._words = tuple(words.split())
        beginnings: dict[str, list[str]] = {}
        for part in _parts(parts):
            beginnings.setdefault(part[:3], []).append(part)
        self._parts = tuple(beginnings.items())
        self._whole = {word: re.compile(rf"{word}(?<![a-z]{word})(?![a-z])") for word in self._words}

    def near(self, text: str) -> bool:
        """Whether one of them is in a text of lower case."""
        # Looking for fixed texts one by one is ten times as fast as one pattern of them all.
        for beginning, parts in self._parts:
            if beginning in text:
                for part in parts:
                    if part in text:
                        return True
        return any(word in text and self._whole[word].search(text) for word in self._words)


FAILED = Signs(
    "hr code aad wam win32 tpm warning",
    """
    error|erreur|fehler|fail|status|result|exception|hresult|access denied|abgelehnt|échou|fallo|fallit
    fehlgeschlagen|fout|mislukt|misslyck|失敗|失败|실패|エラー|错误|오류|ошибк|błąd|broker
    """,
)
CLIENT = Signs(
    "m365 wam sso adal msal hr prompt office aad",
    """
    teams|sign-in|signin|sign in|signing in|log in|login|something went wrong|modern auth|microsoft 365|outlook
    onedrive|oneauth|broker|anmeld|authenti|connexion|connecter|iniciar sesi|inicio de sesi|accedi|inlogg
    サインイン|登录|登入|로그인|вход|oturum|schiefgelaufen|produite|hresult|entra|office365
    """,
)
AAD = Signs(
    "aad entra",
    """
    aadsts|sign-in|signin|sign in|signing in|signs in|signed in|sign on|logon|azure ad|conditional access
    bedingte|accès conditionnel
    acceso condicional|acesso condicional|anmeld|connexion|inicio de sesi|accesso|inlog|サインイン|登录|登入
    로그인|failure reason|failurereason|error_codes|login.microsoftonline|resource account|ressourcenkonto|вход
    """,
)
LIBRARY = Signs(
    "aad wam sso prt adal msal",
    """
    sign-in|signin|sign in|adal|msal|broker|oneauth|entra|dsreg|teams|aad|azuread|outlook|office
    """,
)
CALL = Signs(
    "sip sbc sbcs bye invite",
    """
    callend|pstn|direct routing|directrouting|trunk|teams phone|subcode|q.850|carrier|byotin|byotout|dr_in
    dr_out|dr_emer|final microsoft|diagcode|voice rout|outbound call|inbound call|outgoing call|incoming call
    phone call|emergency call|call fail|calls fail|call end|calls end|call drop|call rej|call was|call to|calls to
    call from|calls from|anruf
    telefonat|rufaufbau|appel sort|appels sort|appel entr|appels entr|llamada|chiamat|chamada|oproep|samtal
    opkald|połącze|звон|вызов|通話|呼叫|通话|통화|مكالمة|sip-|sip:|sip/|sip_|-sip|finalsip|sip;|sbc
    """,
)
ROW = Signs(
    "bye sip",
    """
    byotin|byotout|dr_in|dr_out|dr_emergency|sbc|pstn|direct routing|callend|final sip|trunk
    """,
)
HTTP = Signs(
    "http https rest api nginx iis browser url curl webhook smtp",
    """
    http|web page|web site|web server|web interface|websocket|graph.microsoft|microsoft graph|download
    get /|post /|put /|patch /
    remote server returned|remoteserver|invoke-rest|invoke-web
    """,
)
HEADER = re.compile(
    r"final ?sip ?code|callend(?:sub)?reason|final microsoft subcode|call end (?:sub ?)?reason"
    r"|sip (?:response )?code[\"']?\s?[,;\t|]|microsoft (?:response )?(?:sub)?code[\"']?\s?[,;\t|]",
    re.I,
)
"""Names of columns in call records."""
ROW_OF_CALLS = re.compile(r"\b(?:byot|dr_(?:in|out|emer)|bye\b|final ?sip|callend)", re.I)
"""What shows that a 0 behind a SIP code is the Microsoft response code, and not any other field."""
HEADED = re.compile(
    r"(?:\A|\n)[ \t|\"]{0,9}(?:result ?type|(?:sign-?in )?error ?code)\b[^\n]*\n(?:[^\n]*\n)*[ \t|\"]{0,9}\Z", re.I
)
"""A table whose first column has numbers of the sign-in service, up to a cell of that column."""
PARTIES = _words("from to von nach vers desde hacia caller callee anrufer")
"""Words before the number of a telephone that calls or is called."""
OF_SIGN_IN = ("correlation id", "request id", "errorcode", "error_codes", "resulttype", "result_type")

_FILLER = r"""(?:[\s"'`´«»“”„‘’()\[\]{}|:=–—>,./\\*_~+?&;：（【「-]|<[^<>\n]{0,40}>){0,24}"""
LABELLED_AADSTS = re.compile(
    r"(?:(?:code|kod|nummer|codes|error_?codes?|result_?type|error\?code|aadsts(?:[\s-]{1,3}[\w-]{1,12})?)"
    + _FILLER
    + r"(?:(?:in|is|was|lautet|ist|name)"
    + _FILLER
    + r"|[1-9][0-9]{4,6}[\s,;|/\"']{1,4}(?:or|and|und|et|y|e)?\s?){0,6})\Z"
)
"""The end of a label, with what may stand between it and a number; other numbers of a list too."""
LABELS_AADSTS = ("code", "kod", "nummer", "type", "aadsts")
"""What each of its labels holds, at most seven characters after its beginning."""
STRONG = (
    "errorcode",
    "error_code",
    "error code",
    "resulttype",
    "result_type",
    "failure code",
    "failurecode",
    "error?code",
    "aadsts",
)
STRONG_PAIRS = (
    "sign-in",
    "signin",
    "sign in",
    "anmelde",
    "inloggnings",
    "aanmeld",
    "login",
    "logon",
    "entra",
    "azure ad",
    "aad",
)
SUBCODES = (
    "subcode",
    "sub code",
    "sub-code",
    "sub_code",
    "subreason",
    "sub reason",
    "microsoft code",
    "microsoft response code",
    "mscode",
    "ms code",
    "diagcode",
    "diag code",
)

SIP_LABEL = re.compile(
    r"(?:(?<![a-z0-9])sip(?:/2\.0)?|callendreason|call\send\sreason|finalsipcode|q\.850)[\s:/_=\"'|,;>(-]{0,6}"
    r"(?:(?:response|status|final|error|result|reply|answer|cause|reason|code|antwort|fehler|erreur|réponse|respuesta|código"
    r"|codice|errore|risposta|kod|svar|fout|fel|return|is|ist|was|de|d|of|the|with|mit|fail|reject|an?)[^\W\d_]{0,12}"
    r"[\s:=|\"'’>(：-]{0,4}){0,4}\Z"
    r"|(?<![a-z0-9])sip[^\W\d_\x00-\x7f]{1,12}[\s:：=]{0,3}\Z"
    r"|(?:code|código|codice|kod|réponse|erreur|fehler|antwort)\ssip[\s:=\"'(-]{0,4}\Z"
    r"|reason:\s?sip\s?;\s?cause\s?=\s?\Z|(?:code|código|codice|réponse)\sde\s(?:réponse|respuesta)\ssip[\s:=-]{0,4}\Z"
)
GOES_ON = re.compile(
    r"\s{0,2}(?:\Z|[\n.,;:!?()\]}\"'|/<\\]|[^\x00-\x7f]|-\s)"
    r"|\s{1,2}(?:by|from|at|on|for|to|and|or|after|when|while|in|because|due|since|as|but|via|is|was|again|instead|until|before"
    r"|every|each|back|response|responses|errors?|reply|answer|vom?|von|und|oder|bei|nach|wegen|durch|an|im|zurück|ab|fehl|beendet"
    r"|par|depuis|et|ou|après|de|du|des|desde|del|da|dal|dalla|por|y|o|e|van|door|från|av|fra|z|od|от|и|на)\b"
)
_UNITS = (
    r"ms|msecs?|milliseconds?|millisekunden|s|secs?|seconds?|sekunden?|secondes?|segundos?|secondi|mins?|minutes?|minuten"
    r"|minutos?|minuti|h|hrs?|hours?|stunden|heures?|horas?|ore|days?|tagen?|jours?|d[ií]as?|dagar|dagen|weeks?|wochen|months?"
    r"|[kmgt]i?b|[kmg]bit(?:/s)?|[kmg]bps|bytes?|octets|bits?|px|pixels?|[kmg]?hz|dpi|fps|users?|benutzern?|nutzern?|utilisateurs"
    r"|usuarios|usuários|utenti|gebruikers|times|mal|fois|veces|people|persons?|personen|leuten?|participants?|teilnehmern?"
    r"|employees|mitarbeiter\w*|devices?|geräten?|appareils|dispositivos|rooms?|räumen?|salles|calls?|anrufen?|appels|llamadas"
    r"|attempts?|versuchen?|tentatives|lines?|zeilen|lignes|rows?|items?|elementen?|files?|dateien|fichiers|archivos|records?"
    r"|datensätzen?|packets?|paketen?|frames?|samples?|messages?|nachrichten|entries|einträgen?|sessions?|sitzungen|requests?"
    r"|anfragen|sheep|stück|pieces|units?|pages?|seiten|licen[sc]es|lizenzen|mailboxes|tickets?|seats?|plätzen?|channels?|kanälen?"
    r"|concurrent|active|registered|simultaneous|open|more|other|new|eur|euros?|usd|gbp|chf|dollars?|km|cm|mm|kg|m²"
    r"|retries|threads?|percent|prozent|points?|hits?|invites?|extensions?|numbers?|phones?|queues?|agents?|hosts?|servers?"
)
COUNTED = re.compile(
    rf"\s{{2,8}}(?:status|request):\s|\s{{0,2}}(?:%|°|€|\$|£|¥|[x×]\s?[0-9]|/(?:s|sec|min|h)\b|秒|分钟|分|人|件|台|個|个|小时|時間|회|명|초|개|대)|[\s_-]{{0,2}}(?:{_UNITS})\b(?!\s?[=:])",
)
"""What makes the number before it an amount; of lower case, because Python's patterns are fast then."""

PADDED = re.compile(
    r"%(?P<hex>[2-7][0-9A-Fa-f]|0[9AaDd])|\\u(?P<uni>00[0-7][0-9A-Fa-f])|&(?P<entity>quot|apos|lt|gt|amp|nbsp|num|colon);"
    r"|&\#(?P<point>[0-9]{1,4});|(?<=\w)=(?P<mail>3[dD])(?=[\w-])|\\[nrt](?![a-z])|\\[\"'/]"
)
"""Escapes of addresses, JSON, XML and mail."""

CARRIED_ON = re.compile(r"(?<![0-9A-Za-z])(0x[0-9A-Fa-f]{0,7}|AADSTS[0-9]{0,6}|[0-9A-Fa-f]{1,9})=\r?\n(?=[0-9A-Za-z])")
"""The first half of a code that a mail in quoted-printable carries on in the next line."""

ELSE = re.compile(
    r"""
    [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12}                               # GUID
  | (?<![0-9a-z]) (?=[0-9a-f]{0,64}[a-f]) (?=[a-f]{0,64}[0-9]) [0-9a-f]{9,} (?![0-9a-z])  # hash, thumbprint
  | 0x[0-9a-f]{9,}                                                                # pointer
  | [0-9a-f]{4,12}-[0-9a-f]{3,12}-[0-9a-f-]{3,}                                   # part of a GUID
  | \b (?: [0-9a-f]{2} [:-] ){3,} [0-9a-f]{2} \b                                  # hardware address, fingerprint
  | \b (?: [0-9a-f]{4} [.:] ){2,} [0-9a-f]{1,4} \b | [0-9a-f]{0,4}::[0-9a-f:]{1,}
  | \b v? [0-9]+[a-z]? (?: \.[0-9]+[a-z]? )+ (?: :[0-9]+ )? [a-z]?              # version, IP address, fraction
  | \b [0-9]{1,3} (?: [,'\u2019\u202f] [0-9]{3} )+ (?![0-9])                      # number in groups
  | \b (?: [a-z0-9-]{1,63} (?: \.[a-z0-9-]{1,63} ){1,8} | localhost
        | (?:host|server|at|to|from|proxy|on) \s [a-z][a-z0-9-]{1,20} ) : [0-9]+ \b
        (?! \s* [A-Za-z] )                                                        # name and port
  | \] : [0-9]+ | \w \[[0-9]+\] : | \b [a-z] : [0-9]+ \b            # process, leg of a call
  | \b [0-9]{4} [-/] [0-9]{2} [-/] [0-9]{2} (?: [T\s] [0-9:.,]+ )? | \b [0-9]{1,2} [./] [0-9]{1,2} [./] [0-9]{2,4}
  | \b [0-9]{1,2} : [0-9]{2} (?: : [0-9]{2} )? (?: [.,][0-9]+ )?
  | ["'] [0-9]+ ["'] \s? < sips? : | sips? : [0-9]+ ; \s? (?:user|phone-context|transport|tag)
  | sips? : [^\s@;>]{1,64} @ [^\s>]* | tel: [+0-9().\-]+ | \b [\w.+-]{1,64} @ [\w.-]+     # address of a person
  | (?: \+ | \b00 | \(\+ ) [1-9] [0-9\s().\-/]{6,}                                # telephone number
  | \(? \b 0 [0-9]{2,4} \)? [\s./\-]{1,3} [0-9]{3} [0-9\s\-]{2,}
  | \(? \b [0-9]{3} \)? [\s.\-]{1,2} [0-9]{3} [\s.\-] [0-9]{4} \b
  | \b [0-9]{2,5} (?: [\s\-] [0-9]{2,5} ){2,} \b
  | \b (?: tel | phone | telefon | mobile? | handy | fax ) [.:\s]{1,3} [+(]? [0-9][0-9\s()/\-]{5,}
  | \b (?: ports?|build|version|pid|tid|process(?:\s?id)?|thread(?:\s?id)?|line|row|column|page|room|building|floor|desk
        |ext|extension|tel|phone|mobile|fax|kb|event(?:\s?id)?|eventid|instance|id|size|length|count|ticket|case
        |incident|inc|chg|req|year|no|width|height|offset|position|step|vlan
        |https?(?:/[0-9.]{1,3})?(?:\s(?:status|error|code|response)){0,2} )
        \s? [:=.\#]? \s? \(? [0-9][0-9a-f.:]* \b
  | (?<=[0-9]) - [0-9]+
  | \# [0-9]+ | [$\u20ac\u00a3] \s? [0-9][0-9.,]*
  | \b [1-9][0-9]+ \s? [x\u00d7] \s? [0-9]+ \b                                     # resolution
  | \b [0-9]+ \s? (?:of|von|sur|de) \s? [0-9]+ \b | \b [0-9]+/[0-9]+ \b                               # part of a whole
  | \b [0-9]+ \s? (?: - | \u2013 | to | bis | \.\. ) \s? [0-9]+ \b                # range
  | \b [a-z]:\\ [^\s"'<>|]+ | (?<![\w<]) / [\w.-]+ / [\w./-]+                    # path
  | \b https?:// [^\s?"'<>]+                                                     # address without its query
  | \b [0-9]+ / (?:tcp|udp) \b
  | (?-i: \b [\w-]* [0-9] \. [a-z]{2,20} \b )                                       # name of a file, of a computer
  | \b [0-9a-f]+ (?: :[0-9]+ ){2,} \b                                            # session of an SBC
  | \b rtpmap:[0-9]+ | (?<!\S) [ocsmtbay]=[^\r\n]*                                   # SDP
    """,
    re.I | re.X | re.A,
)
"""What is something else, however much it looks like a code."""

PHRASES = {
    400: "bad request",
    401: "unauthorized",
    402: "payment required",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    406: "not acceptable",
    407: "proxy authentication",
    408: "request time",
    410: "gone",
    412: "conditional request",
    413: "request entity",
    414: "request-uri",
    415: "unsupported media",
    416: "unsupported uri",
    420: "bad extension",
    421: "extension required",
    422: "session interval",
    423: "interval too",
    480: "temporarily",
    481: "call",
    482: "loop",
    483: "too many",
    484: "address",
    485: "ambiguous",
    486: "busy here",
    487: "request",
    488: "not acceptable",
    491: "request pending",
    493: "undecipherable",
    500: "server internal",
    501: "not implemented",
    502: "bad gateway",
    503: "service unavailable",
    504: "server time",
    505: "version not",
    513: "message too",
    580: "precondition",
    600: "busy everywhere",
    603: "decline",
    604: "does not exist",
    606: "not acceptable",
    607: "unwanted",
    608: "rejected",
}
"""How reason phrases of the SIP registry begin."""

_UNSIGNED, _SIGNED = "(?:21[45]|322|339|340|348)[0-9]{7}", "(?:214[4-7]|107[0-3]|80[0-9]|89[45])[0-9]{6}"
DECIMAL = re.compile(f"{_UNSIGNED}|-{_SIGNED}")
"""HRESULT and NTSTATUS as decimal numbers, of those parts of Windows that sign in."""

EDGE = r"(?:\b|%[0-9a-f]{2}|=3d|\\[nrt]|\\u00[0-9a-f]{2})"
_ASCII_CALL = (
    r"sip|sbc|callend|invite|bye|pstn|direct ?routing|trunk|teams phone|subcode|q\.850|carrier|byot|dr_(?:in|out|emer)"
    r"|final microsoft|diagcode|voice ?rout|going call|bound call|coming call|phone call|emergency call"
    r"|calls? (?:fail|end|drop|rej|was|to|from)"
    r"|anruf|telefonat|rufaufbau|appels? (?:sort|entr)|llamada|chiamat|chamada|oproep|samtal|opkald"
    r"|połącze|звон|Звон|вызов|Вызов|通話|呼叫|通话|통화|مكالمة"
)


CALLS_NUMBER = (
    rf"{EDGE}(?:[3-6][0-9]{{2}}|5[46][09][0-9]{{3}}|51[01][0-9]{{3}}|531[0-9]{{3}}|1106|500001|301[0-9]{{3}})\b"
)
"""A number such as calls end with."""


def near_call(letter: int) -> tuple[str, str]:
    """Such a number before a sign of a call, and one after it, in a text of letters of so many bytes."""
    before, after = rf".{{0,{100 * letter}}}", rf".{{0,{200 * letter}}}"
    return rf"{CALLS_NUMBER}{before}(?:{_ASCII_CALL})", rf"(?:{_ASCII_CALL}){after}{CALLS_NUMBER}"


_BETWEEN = r"[\"']? ?[,;\t|] ?[\"']?"
_RESPONSES = r"(?:1106|10[0-9]{3}|5[0-9]{5}|30[0-9]{4})\b"
ROW_OF_NUMBERS = rf"\b(?:[3-6][0-9]{{2}}{_BETWEEN}(?:0\b|{_RESPONSES})|0{_BETWEEN}{_RESPONSES})"
_ROW_SIGN = r"(?:bye|sip|byot|dr_(?:in|out|emer)|sbc|pstn|direct routing|callend|trunk)"


def rows(letter: int, *, every: bool) -> tuple[str, ...]:
    """Rows of call records in a text of letters of so many bytes: every one, or those that a sign or header is for.

    Below a header a call that succeeded counts too: it shows that there are rows.
    """
    headed = rf"(?:{HEADER.pattern}).*\b(?:0|[3-6][0-9]{{2}}){_BETWEEN}(?:0\b|{_RESPONSES})"
    # Without a sign every number is looked at, which costs a third of the speed.
    if every or letter > 1:
        return headed, ROW_OF_NUMBERS
    return headed, rf"{_ROW_SIGN}.{{0,1200}}{ROW_OF_NUMBERS}", rf"{ROW_OF_NUMBERS}.{{0,600}}{_ROW_SIGN}"


_STRONG_TRIGGER = (
    r"(?:error_?codes?|error codes?|result_?type|failure ?code"
    r"|(?:sign-?in|anmelde|inloggnings|aanmeld|login|logon|entra|aad|azure ad|sts).{0,64}(?:code|kod|nummer))"
    r"[^0-9]{0,160}(?:[0-9]{5,7}[^0-9]{1,60}){0,6}[1-9][0-9]{4,6}\b"
)
TRIGGER_GLUED = r"[a-z][0-9A-F]AA[0-9a-fA-F]{5}(?:[^0-9a-fA-F]|$)"
"""As in `ErrorCodeCAA20004`: letters are as they stand, or every second hash would hold one."""
WIDE_TRIGGERS = [
    r"(?:0x[0-9a-f]{0,7}|\b[0-9a-f]{1,9})=\r?\n[0-9a-z]{1,8}",
    r"0xf{8}[4-9a-f][0-9a-f]{7}\b",
    r"0x0{8}[4-9a-f][0-9a-f]{7}\b",
    r"sip.{0,12}[3-6][0-9]{2}",
]
"""Whose token begins at most 22 bytes before the end of what they match."""
TRIGGERS = [
    "AADSTS",
    r"caa[ -][0-9a-f]{5}(?:[^0-9a-z_-]|$)",
    r"Q\.?850",
    r"0x[0-9a-f]aa[0-9a-f]{5}",
    r"0x[89a-f][0-9a-f]{7}",
    r"0x0{0,3}9[0-9a-f]{4}\b",
    # Not with what follows the first eight digits of a GUID.
    r"(?:^|[^0-9a-f]|%[2-7][0-9a-f]|=3d|\\u00[2-7][0-9a-f])[0-9a-f]aa[0-9a-f]{5}(?:[^-0-9a-f]|-[0-9a-f]{0,3}[^0-9a-f]|-[0-9a-f]{0,3}$|$)",
    rf"{EDGE}(?:80|c0|d0)[0-9a-f]{{6}}(?:[^-0-9a-z_]|-[0-9a-f]{{0,3}}[^0-9a-f]|-[0-9a-f]{{0,3}}$|$)",
    rf"{_UNSIGNED}\b",
    rf"(?:-|−|‐|‑|‒|–){_SIGNED}\b",
    r"\b[3-6][0-9]{2}#[0-9]",
    r"[3-6][0-9]{2}[\"']? ?[/(] ?[\"']?(?:540|549|560|569|510|511|531|500)[0-9]{3}",
    _STRONG_TRIGGER,
    r"(?:sub[ _-]?code|sub[ _-]?reason|microsoft (?:response )?code|ms ?code|diag ?code)[^0-9]{0,180}[0-9]{4,7}\b",
]
"""Whose token begins at most 14 bytes before it."""
