"""What stands around a code in texts of many languages, and around what only looks like one; patterns, no decisions.

Python's patterns see at most a few hundred characters. Those for hyperscan (`TRIGGERS`) see bytes of UTF-8, and must
catch all that the rules of `recognise` could accept: their distances are wider, since a letter may have four bytes.
"""

from __future__ import annotations

import re

_FILLER = r"""(?:[\s"'`´«»“”„‘’()\[\]{}|:=–—>,./\\*_~+?&;：（【「-]|<[^<>\n]{0,40}>){0,24}"""
_LINK = (
    r"(?:is|was|ist|war|lautete?|nr|no|num|number|nummer|numéro|número|numero|value|wert|valeur|valor|code|id|of|with|mit"
    r"|avec|con|com|met|med|returned|returns|meldet|es|est|era|the|an?|von|de|der|het|är|er|shows?|says?|reads|zeigt"
    r"|Name|номер|は|が|为|是|입니다)"
)
_ERRORS = (
    r"error|erreur|erro\b|fehler|fout|fejl|feil|felkod|\bfel\b|virhe|hiba|kesalahan|błęd|błąd|chyb|eroare|ошибк|помилк"
    r"|грешк|hata|σφάλμα|エラー|错误|錯誤|오류|에러|خطأ|שגיא|ข้อผิดพลาด|lỗi|त्रुटि|greška|napaka|viga|kļūda|klaida|ralat"
    r"|exception|hresult|failure|failed|\bfail|\berr|\berrno|went wrong|schiefgelaufen|produite|salió mal|storto|deu errado"
    r"|misgegaan|mis gegaan|inträffat|問題が発生|出现问题|出了问题|문제가 발생"
)
_CODES = (
    r"(?:(?<![^\W_])|(?<=status)|(?<=result)|(?<=response)|(?<=reason)|(?<=diag)|(?<=sub))"
    r"(?:codes?|kodu?|kód|kode|koodi|codice|códigos?|codigo|cod|код\w{0,3}|κωδικ\w{0,3}|status(?:code)?|result(?:type|code)?"
    r"|resultado|ergebnis|rc|hr|sc|reason(?:code)?|staat|statut|estado|stato|статус)|コード|代码|代碼|代號|코드|رمز|קוד|รหัส|mã|कोड|ステータス|状态|狀態|상태"
)
LABEL = re.compile(rf"(?:(?:{_ERRORS})[^\W\d_]{{0,14}}|{_CODES}){_FILLER}(?:{_LINK}{_FILLER}){{0,2}}\Z", re.I)
"""A word for an error, a code, a status or a result just before."""

LABELLED_AADSTS = re.compile(
    r"(?:(?:sign-?in|anmelde|inloggnings|aanmeld|login|logon|entra|aad|azure\sad|adsts|sts)[\w\s-]{0,16}(?:error|fehler|fout|fel|failure)?"
    r"[\s_-]?(?:code|kod|nummer)|[a-z_]{0,12}error_?codes?|error\scodes?|result_?type|failure\s?code|status_?error_?code"
    r"|error\?code|aadsts(?:[\s-]{1,3}[\w-]{1,12})?)"
    + _FILLER
    + r"(?:(?:in|is|was|lautet|ist|Name)"
    + _FILLER
    + r"|[1-9][0-9]{4,6}[\s,;|/\"']{1,4}(?:or|and|und|et|y|e)?\s?){0,6}\Z",
    re.I,
)
"""A label that numbers of the sign-in service have: what follows counts even where no list names it."""

LABELLED_CALL = re.compile(
    r"(?:sub[\s_-]?code|sub[\s_-]?reason|callendsubreason|microsoft\s(?:response\s)?code|ms\s?code|diag\s?code)"
    + _FILLER
    + r"(?:(?:is|was|ist)"
    + _FILLER
    + r")?\Z",
    re.I,
)
FAILED = re.compile(
    rf"{_ERRORS}|\bhr\b|\bcode\b|errorcode|status|result|warning|\baad|\bwam\b|broker|\bwin32|\btpm\b|access denied|abgelehnt|échou|error"
    r"|fallo|fallit|fehlgeschlagen|schlug fehl|mislukt|misslyck|失敗|失败|실패",
    re.I,
)
ADAL_WORDS = re.compile(r"aad|\badal|\bmsal|\bwam\b|sign-?in|broker|oneauth|entra|\bsso\b|dsreg|\bprt\b|teams", re.I)
AROUND_AAD = re.compile(
    r"\baad\b|aadsts|sign[\s-]?ins?\b|signing in|\bentra\b|azure ad|conditional access|bedingte[rn]? zugriff|accès conditionnel"
    r"|acceso condicional|acesso condicional|anmeld|connexion|inicio de sesi|accesso|inlog|inlogg|サインイン|登录|登入|로그인"
    r"|failure reason|error_codes|login\.microsoftonline|resource account|ressourcenkonto|вход",
    re.I,
)
AROUND_CLIENT = re.compile(
    r"teams|sign[\s-]?in|signing in|log[\s-]?in|something went wrong|modern auth|microsoft ?365|\bm365\b|office|outlook|onedrive"
    r"|\bwam\b|\bsso\b|\baad|\badal|\bmsal|oneauth|broker|anmeld|authenti|connexion|connecter|iniciar sesi|inicio de sesi|accedi"
    r"|inlogg|サインイン|登录|登入|로그인|вход|oturum|etwas ist schiefgelaufen|une erreur s.est produite|\bhr\b|hresult|prompt",
    re.I,
)
_CALL_WORDS = (
    r"\bsip\b|\bsip[-_/:]|\bsbcs?\b|callend|\binvite\b|\bbye\b|pstn|direct ?routing|trunk|teams phone|subcode|q\.850|carrier"
    r"|\bbyot|\bdr_(?:in|out|emer)|final microsoft|diagcode|voice ?rout|(?:out|in)(?:bound|going|coming) calls?|phone calls?"
    r"|emergency calls?|calls? (?:fail|end|drop|reject|was|to|ended|failed)|anruf|telefonat|rufaufbau|appels? (?:sortant|entrant)"
    r"|llamadas?|chiamat[ae]|chamadas?|oproep|samtal|opkald|połącze|звон|вызов|通話|呼叫|通话|통화|مكالمة"
)
AROUND_CALL = re.compile(_CALL_WORDS, re.I)
AROUND_ROW = re.compile(
    r"byot(?:in|out)|\bdr_(?:in|out|emergency)|\bsbcs?\b|pstn|direct ?routing|\bsip\b|callend|final ?sip|\bBYE\b|trunk", re.I
)
HEADER = re.compile(
    r"final ?sip ?code|callend(?:sub)?reason|final microsoft subcode|call end (?:sub ?)?reason"
    r"|sip (?:response )?code[\"']?\s?[,;\t|]|microsoft (?:response )?(?:sub)?code[\"']?\s?[,;\t|]",
    re.I,
)
"""Names of columns in call records."""

SIP_LABEL = re.compile(
    r"(?:(?<![a-z0-9])sip(?:/2\.0)?|callendreason|call\send\sreason|finalsipcode|q\.850)[\s:/_=\"'|,;>(-]{0,6}"
    r"(?:[^\W\d_][\w'’-]{0,24}[\s:=|\"'>(：-]{0,4}){0,3}\Z"
    r"|(?<![a-z0-9])sip[^\W\d_\x00-\x7f]{1,12}[\s:：=]{0,3}\Z"
    r"|(?:code|código|codice|kod|réponse|erreur|fehler|antwort)\ssip[\s:=\"'(-]{0,4}\Z"
    r"|reason:\s?sip\s?;\s?cause\s?=\s?\Z|(?:code|código|codice|réponse)\sde\s(?:réponse|respuesta)\ssip[\s:=-]{0,4}\Z",
    re.I,
)
HTTP = re.compile(
    r"https?(?!://[^\s]{0,60}sip)|\b(?:get|post|put|patch|head|options)\s+/|\brest\b|\bapi\b|nginx|\biis\b|\bweb ?(?:page|server|site|socket)"
    r"|browser|url|graph\.microsoft|proxy(?! auth)|curl|download",
    re.I,
)
GOES_ON = re.compile(
    r"\s{0,2}(?:\Z|[\n.,;:!?)\]}\"'|/<\\]|[^\x00-\x7f]|-\s)"
    r"|\s{1,2}(?:by|from|at|on|for|to|and|or|after|when|while|in|because|due|since|as|but|via|is|was|again|instead|until|before"
    r"|every|each|response|responses|errors?|reply|answer|vom?|von|und|oder|bei|nach|wegen|durch|an|im|zurück|ab|fehl|beendet"
    r"|par|depuis|et|ou|après|de|du|des|desde|del|da|dal|dalla|por|y|o|e|van|door|från|av|fra|z|od|от|и|на)\b",
    re.I,
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
    r"|concurrent|active|registered|simultaneous|open|more|other|new|eur|euros?|usd|gbp|chf|dollars?|km|cm|mm|kg|m²|[mk]?w|v"
    r"|retries|threads?|percent|prozent|points?|hits?|invites?|extensions?|numbers?|phones?|queues?|agents?|hosts?|servers?"
)
COUNTED = re.compile(
    rf"\s{{0,2}}(?:%|°|€|\$|£|¥|[x×]\s?[0-9]|秒|分钟|分|人|件|台|個|个|小时|時間|회|명|초|개|대)|[\s_-]{{0,2}}(?:{_UNITS})\b(?!\s?[=:])", re.I
)
"""What makes the number before it an amount."""

_THINGS = (
    r"(?:zip|post(?:al|leit)?|area|country|dial(?:l?ing)?|product|qr|order|access|pin|promo|bar|source|exit|branch|sort"
    r"|discount|voucher|coupon|gift|verification|verifizierungs|security|conference|pass|door|colou?r|item|model|part|tax|currency"
    r"|lang(?:uage)?|swift|iban|unlock|invite|meeting|otp|bestätigungs|bestell|zugangs|tür|site|cost|char|key|scan|virtual ?key"
    r"|byte|op|machine|geo|language)[\s_-]?(?:codes?|kod)|postleitzahl|plz|postcode|vorwahl|kunden\w{0,8}|rechnung\w{0,8}|invoice|facture|factura"
    r"|bestell\w{0,8}|orders?|order\s?no|commande|pedido|ticket|incident|fall|dossier|case|inc|chg|req|sr|raum|zimmer|saal|salle|sala|room"
    r"|stanza|kamer|rum|durchwahl|nebenstelle|poste|interno|anexo|ext|extension|toestel|anknytning|内線|分机|내선|ports?|puertos?|porta"
    r"|poort|seite|pages?|zeile|ligne|l[ií]nea|riga|regel|rad|lines?|行|build|version|release|firmware|pid|tid|prozess|process"
    r"|processus|proceso|threads?|event|eventid|event[\s_-]?id|ereignis(?:-?id)?|evento|événement|record ?id|job|task|tasks"
    r"|seat|platz|account|konto|serial|asset|badge|flight|flug|vol|bus|zug|train|gate|highway|rfc|iso|kb|cve|artikel|article|item"
    r"|sku|model|modell|modèle|chapter|section|figure|table|episode|channel|kanal|vlan|slot|index|idx|seq|sequence|cseq"
    r"|packet|frame|ssrc|content-length|expires|min-se|max-forwards|retry-after|timestamp|rtpmap|bytes|size|len|length|count"
    r"|total|sum|duration|elapsed|timeout|latency|delay|rtt|jitter|ttl|offset|width|height|column|spalte|step|schritt|attempt|versuch"
    r"|retry|level|priority|score|close|closed|(?:close[ds]?|websocket|socket)\s(?:with\s)?(?:status\s)?code|websocket|socket"
    r"|height|year|jahr|age|price|preis|tel|telefon|phone|mobile|mobil|handy|fax|cell|dial|dialed|dialled|gewählt|building|gebäude|floor|etage|stock|desk|office|street|straße|strasse|rue"
    r"|userid|user|benutzer|usr|uid|gid|employee|personalnummer|cpu|mem|memory|heap|gc|rev|revision|commit|changeset|issue|pr"
    r"|bug|node|partition|batch|buffer|took|every|within|up to|around|about|over|under|than|between"
    r"|queue|agents?|max|min|avg|mean|median|p50|p95|p99|rate|bitrate|sample|freq|frequency|speed|temp|temperature|voltage|battery|free|used"
    r"|available|expected|got\sonly|number of|anzahl|nombre de|número de|numero di|amount|betrag|total of"
)
NO_LABEL = re.compile(
    rf"(?:(?<![^\W_])(?:{_THINGS})[\s:=.\"'(#_>-]{{1,4}}(?:(?:no|nr|num|number|nummer|id|is|ist)[\s:=.\"']{{1,3}})?"
    r"|[\w-]{1,40}-(?:length|expires|forwards|after|se|id|age)[\s:=\"']{1,4}|;\s?(?:tag|branch|rport|received|q|ttl|lr|ob)=|[a-z]\\|°|№\s?|nr\.\s?)\Z",
    re.I,
)
"""A word for a numbered thing, or a measured one, just before."""

NOT_HEX = re.compile(
    r"(?:commit|sha(?:-?(?:1|256))?|hash|rev(?:ision)?|md5|crc(?:-?32)?|etag|checksum|address|addr|pointer|ptr|handle|base|offset|seed"
    r"|colou?r|mask|flags?|thumbprint|fingerprint|serial(?:\s?number)?|uuid|guid|mac|branch|nonce|tag|call-id|cookie|thread|object|instance|volume)"
    r"[\s:=\"'(@#-]{1,4}(?:0x)?\Z",
    re.I,
)
PADDED = re.compile(
    r"%(?P<hex>[2-7][0-9A-Fa-f]|0[9AaDd])|\\u(?P<uni>00[0-7][0-9A-Fa-f])|&(?P<entity>quot|apos|lt|gt|amp|nbsp|num|colon);"
    r"|&\#(?P<point>[0-9]{1,4});|\\[nrt](?![a-z])|\\[\"'/]"
)
"""Escapes of addresses, JSON and XML."""

ELSE = re.compile(
    r"""
    [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12}                               # GUID
  | (?<![0-9a-z]) (?=[0-9a-f]{0,64}[a-f]) (?=[a-f]{0,64}[0-9]) [0-9a-f]{9,} (?![0-9a-z]) | 0x[0-9a-f]{9,}   # hash, thumbprint, pointer
  | [0-9a-f]{4,12}-[0-9a-f]{3,12}-[0-9a-f-]{3,}                                   # part of a GUID
  | \b (?: [0-9a-f]{2} [:-] ){3,} [0-9a-f]{2} \b | \b (?: [0-9a-f]{4} [.:] ){2,} [0-9a-f]{1,4} \b | [0-9a-f]{0,4}::[0-9a-f:]{1,}
  | \b v? [0-9]+ (?: \.[0-9]+ )+ (?: :[0-9]+ )? [a-z]?                            # version, IP address, fraction
  | \b [0-9]{1,3} (?: [,'\u2019\u202f] [0-9]{3} )+ (?![0-9])                      # number in groups
  | \b (?: [a-z0-9-]{1,63} (?: \.[a-z0-9-]{1,63} ){1,8} | localhost | [a-z][a-z0-9-]{1,20} ) : [0-9]+ \b (?! [\s]* [A-Za-z] )  # name and port
  | \] : [0-9]+
  | \b [0-9]{4} [-/] [0-9]{2} [-/] [0-9]{2} (?: [T\s] [0-9:.,]+ )? | \b [0-9]{1,2} [./] [0-9]{1,2} [./] [0-9]{2,4}
  | \b [0-9]{1,2} : [0-9]{2} (?: : [0-9]{2} )? (?: [.,][0-9]+ )?
  | sips? : [^\s@;>]{1,64} @ [^\s>]* | tel: [+0-9().\-]+ | \b [\w.+-]{1,64} @ [\w.-]+     # address of a person
  | (?: \+ | \b00 | \(\+ ) [1-9] [0-9\s().\-/]{6,}                                # telephone number
  | \(? \b 0 [0-9]{2,4} \)? [\s./\-]{1,3} [0-9]{3} [0-9\s\-]{2,}
  | \(? \b [0-9]{3} \)? [\s.\-]{1,2} [0-9]{3} [\s.\-] [0-9]{4} \b
  | \b [0-9]{2,5} (?: [\s\-] [0-9]{2,5} ){2,} \b
  | \b (?: ports?|build|version|pid|tid|process(?:\s?id)?|thread(?:\s?id)?|line|row|column|page|room|building|floor|desk
        |ext|extension|tel|phone|mobile|fax|kb|event(?:\s?id)?|eventid|instance|id|size|length|count|ticket|case
        |incident|inc|chg|req|year|no|width|height|offset|position|step|vlan
        |https?(?:/[0-9.]{1,3})?(?:\s(?:status|error|code|response)){0,2} )
        \s? [:=.\#]? \s? \(? [0-9][0-9a-f.:]* \b
  | \# [0-9]+ | [$\u20ac\u00a3] \s? [0-9][0-9.,]*
  | \b [1-9][0-9]+ \s? [x\u00d7] \s? [0-9]+ \b | \b [0-9]+ \s? (?:of|von|sur|de|/) \s? [0-9]+ \b      # resolution, part of a whole
  | \b [0-9]+ \s? (?: - | \u2013 | to | bis | \.\. ) \s? [0-9]+ \b                # range
  | \b [a-z]:\\ [^\s"'<>|]+ | \b https?:// [^\s?"'<>]+ | (?<![\w<]) / [\w.-]+ / [\w./-]+     # path, address without its query
  | \b rtpmap:[0-9]+ | [ocsmtbay]=[^\r\n]*                                        # SDP
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

_EDGE = r"(?:\b|%[0-9a-f]{2}|\\[nrt]|\\u00[0-9a-f]{2})"
_ASCII_CALL = (
    r"sip|sbc|callend|invite|bye|pstn|direct ?routing|trunk|teams phone|subcode|q\.850|carrier|byot|dr_(?:in|out|emer)"
    r"|final microsoft|diagcode|voice ?rout|going call|bound call|coming call|phone call|emergency call|calls? (?:fail|end|drop|rej|was|to)"
    r"|anruf|telefonat|rufaufbau|appels? (?:sort|entr)|llamada|chiamat|chamada|oproep|samtal|opkald"
    r"|połącze|звон|Звон|вызов|Вызов|通話|呼叫|通话|통화|مكالمة"
)
TRIGGER_AROUND_CALL = [
    rf"(?:{_ASCII_CALL}).{{0,360}}{_EDGE}[3-6][0-9]{{2}}\b",
    rf"\b[3-6][0-9]{{2}}\b.{{0,240}}(?:{_ASCII_CALL})",
]
TRIGGERS = [
    "AADSTS",
    r"0x[0-9a-f]aa[0-9a-f]{5}",
    r"0x[89a-f][0-9a-f]{7}",
    r"0x0{0,3}9[0-9a-f]{4}\b",
    r"0xf{8}[4-9a-f][0-9a-f]{7}\b",
    r"0x0{8}[4-9a-f][0-9a-f]{7}\b",
    r"[0-9a-f]aa[0-9a-f]{5}(?:[^0-9a-f]|$)",
    rf"{_EDGE}(?:80|c0|d0)[0-9a-f]{{6}}(?:[^0-9a-z_]|$)",
    rf"{_EDGE}(?:21[45]|322|339|340|348)[0-9]{{7}}\b",
    r"(?:-|−|‐|‑|‒|–)(?:214[4-7]|107[0-3]|80[0-9]|89[45])[0-9]{6}\b",
    rf"{_EDGE}(?:5[46][09][0-9]{{3}}|51[01][0-9]{{3}}|531[0-9]{{3}}|1106|500001|301[0-9]{{3}})\b",
    r"sip.{0,12}[3-6][0-9]{2}",
    r"\b[3-6][0-9]{2}#[0-9]",
    r"\b[3-6][0-9]{2}[\"']? ?[,;\t|] ?[\"']?(?:0|1106|10[0-9]{3}|5[0-9]{5}|30[0-9]{4})\b",
    r"(?:error_?codes?|error codes?|result_?type|failure ?code|(?:sign-?in|anmelde|inloggnings|aanmeld|login|logon|entra|aad"
    r"|azure ad|sts).{0,64}(?:code|kod|nummer))[^0-9]{0,160}(?:[0-9]{5,7}[^0-9]{1,60}){0,6}[1-9][0-9]{4,6}\b",
    r"(?:sub[ _-]?code|sub[ _-]?reason|microsoft (?:response )?code|ms ?code|diag ?code)[^0-9]{0,120}[0-9]{4,7}\b",
]
