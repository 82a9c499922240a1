r"""The forms of secrets: what issuers document of their keys, and the places where any text would be one. Pure.

Every row is RE2 (no looking around, no backtracking), so a text of an agent's choosing takes time in proportion to it.
The rows are our own, written after what each issuer says of its own keys. A prefix that says whose key it is comes
first, and the least that has to follow is short enough for keys of other ages: of two errors, masking a word that is no
key is the small one.
"""

from __future__ import annotations

from typing import Final

WORD: Final = r"[\pL\pN\pM_-]"
_NAMES: Final = (
    r"secret|token|passw(?:or)?d|passphrase|passcode|api[_-]?key|private[_-]?key|access[_-]?key|account[_-]?key"
    r"|auth[_-]?key|encryption[_-]?key|signing[_-]?key|session[_-]?key|credential|connection[_-]?string"
    r"|[_-]pwd|[_-]pass"
)
_SCHEMES: Final = "bearer|basic|token|digest|apikey|negotiate|ssws"
_VALUE: Final = r"(?:\\+[\"'](?:[^\"'\\]|\\[^\"'])*|\"(?:[^\"\\]|\\.)*(?:\"|\\?\z)|'[^']*(?:'|\z)|[^\s\"'&;|]+)"
_WORD_OF_SHELL: Final = r"(?:\"(?:[^\"\\]|\\.)*(?:\"|\\?\z)|'[^']*(?:'|\z)|[^\s\"'-][^\s\"']*)"
_TAKING_P: Final = (
    r"login|logon|signin|sshpass|mysql|mysqldump|mysqladmin|mysqlimport|mysqlshow|mariadb|mariadb-dump"
    r"|mongo(?:sh|dump|restore|export|import)?|7z[ar]?|rabbitmqadmin"
)
"""Programs and verbs whose `-p` is followed by a password."""

PLACES: Final = (
    (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)", ""),
    (r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}", r"\1"),
    (rf"(?i)(\b(?:authorization|cookie)\\*[\"']?\s*[:=]\s*\\*[\"']?(?:(?:{_SCHEMES})\s+)?)[^\s\"'][^\"'\r\n]*", r"\1"),
    (r"(://[^\s/:@]*:)[^\s/]+@", r"\1"),
    (rf"(?i)((?:{_NAMES}){WORD}*\\*[\"']?(?:\s*[=:>]{{1,3}}\s*|\s+)){_VALUE}", r"\1"),
    (r"(\s(?:-u|--user|--proxy-user)[\s=]*[\"']?[\w.@-]+:)[^\s\"']*[^\s\"'\d][^\s\"']*", r"\1"),
    (rf"(\b(?:{_TAKING_P})\b[^\n;|&]*?\s-p[\s=]?){_WORD_OF_SHELL}", r"\1"),
    (rf"(\b(?:ldap(?:search|modify|add|delete|passwd|whoami))\b[^\n;|&]*?\s-w\s?){_WORD_OF_SHELL}", r"\1"),
    (rf"(\b(?:sqlcmd|unzip|zip)\b[^\n;|&]*?\s-P\s?){_WORD_OF_SHELL}", r"\1"),
    (rf"(\b(?:smbclient|rpcclient)\b[^\n;|&]*?\s(?:-U|--user)[\s=]?[\"']?[\w.@\\/-]+%){_WORD_OF_SHELL}", r"\1"),
    (r"(\b(?:https?|xhs?)\s[^\n;|&]*?(?:-a|--auth)[\s=]?[\"']?[\w.@-]+:)[^\s\"']+", r"\1"),
    (r"(\bpass:)[^\s\"'&;|]{4,}", r"\1"),
    (r"(\bredis-cli\b[^\n;|&]*?\s-a\s+)\S+", r"\1"),
    (r"([?&](?:sig|signature|X-Amz-Signature|key|code)=)[^&\s\"']{8,}", r"\1"),
)  # fmt: skip
"""Expressions of the places where a secret stands whatever it looks like, and what of each is kept before the mask."""

KEYS: Final = {
    "JSON web token (RFC 7519)": r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    "1Password": r"ops_eyJ[\w=-]{20,}",
    "Adafruit": r"\baio_[A-Za-z0-9]{20,}",
    "age": r"(?i)AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "Airtable": r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{32,}",
    "Alibaba Cloud": r"\bLTAI[A-Za-z0-9]{12,}",
    "Anthropic, OpenAI and others that begin alike": r"\bsk-[A-Za-z0-9_-]{16,}",
    "Artifactory": r"AKCp[A-Za-z0-9]{20,}",
    "Atlassian": r"\bAT(?:ATT3|CTT3|BB)[\w=-]{20,}",
    "AWS access key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    "Azure, client secret": r"[\w~.-]{3}[78]Q~[\w~.-]{20,}",
    "Brevo": r"\bx(?:keysib|smtpsib)-[a-f0-9]{32,}-?\w*",
    "Buildkite": r"bk(?:ua|aj|cq)_[a-f0-9]{20,}",
    "Cerebras": r"\bcsk-[a-z0-9]{20,}",
    "CircleCI": r"CCI(?:PAT|PRJ)_\w{20,}",
    "Clojars": r"CLOJARS_[a-z0-9]{20,}",
    "Cloudflare, origin CA": r"\bv1\.0-[a-f0-9]{20,}-[a-f0-9]{40,}",
    "Contentful": r"CFPAT-[\w-]{20,}",
    "crates.io": r"\bcio[A-Za-z0-9]{32}",
    "Databricks": r"dapi[a-f0-9]{32}",
    "Deno": r"\bdd[pow]_[A-Za-z0-9]{30,}",
    "DigitalOcean": r"do[opr]_v1_[a-f0-9]{32,}",
    "Discord, bot": r"\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",
    "Discord, webhook": r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}",
    "Docker Hub": r"dckr_[po]at_[\w-]{20,}",
    "Doppler": r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{20,}",
    "Duffel": r"duffel_(?:test|live)_[\w=-]{20,}",
    "Dynatrace": r"dt0[a-z]\d\d\.[A-Z0-9]{20,}\.[A-Z0-9]{20,}",
    "EasyPost": r"EZ[AT]K[A-Za-z0-9]{20,}",
    "Elastic": r"\bess[au]_[\w+/=]{20,}",
    "Facebook": r"\bEAA[A-Za-z0-9]{30,}",
    "Figma": r"fig[dou]_[\w-]{20,}",
    "Flutterwave": r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}-?\w*",
    "Fly.io": r"\b(?:fo1_[\w-]{20,}|fm[12][ar]?_[\w+/=,-]{20,})",
    "Frame.io": r"\bfio-u-[\w=-]{20,}",
    "GitHub": r"gh[oprsu]_[A-Za-z0-9]{20,}",
    "GitHub, fine-grained": r"github_pat_\w{20,}",
    "GitLab": r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[\w-]{16,}[\w.]*",
    "Google, API": r"AIza[\w-]{30,}",
    "Google, client secret": r"GOCSPX-[\w-]{20,}",
    "Google, access": r"ya29\.[\w.-]{20,}",
    "Google, refresh": r"\b1//0[\w-]{20,}",
    "Grafana": r"gl(?:sa|c)_[\w+/=]{20,}",
    "Groq": r"gsk_[A-Za-z0-9]{20,}",
    "HashiCorp Terraform": r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}",
    "HashiCorp Vault": r"hv[sbr]\.[\w-]{20,}",
    "Heroku": r"HRKU-[\w-]{20,}",
    "Hugging Face": r"(?:hf|api_org)_[A-Za-z0-9]{30,}",
    "Infracost": r"\bico-[A-Za-z0-9]{30,}",
    "LangSmith": r"lsv2_(?:pt|sk)_\w{20,}",
    "LaunchDarkly": r"\b(?:sdk|mob|api)-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
    "Linear": r"lin_(?:api|oauth)_[A-Za-z0-9]{20,}",
    "Mailchimp": r"\b[a-f0-9]{32}-us\d{1,2}\b",
    "Mailgun": r"\b(?:key|pubkey)-[a-f0-9]{32}",
    "Mapbox": r"\b[ps]k\.eyJ[\w.-]{20,}",
    "Netlify": r"\bnf[pco]_[A-Za-z0-9]{20,}",
    "New Relic": r"NR(?:AK|AL|II|IQ|JS|RA)-[\w-]{16,}",
    "Notion": r"\b(?:ntn|secret)_[A-Za-z0-9]{30,}",
    "npm": r"npm_[A-Za-z0-9]{30,}",
    "NuGet": r"\boy2[a-z0-9]{43}",
    "NVIDIA": r"nvapi-[\w-]{20,}",
    "Okta": r"\bSSWS\s+[\w-]{20,}",
    "Perplexity": r"pplx-[A-Za-z0-9]{20,}",
    "Plaid": r"\baccess-(?:sandbox|development|production)-[a-f0-9-]{30,}",
    "PlanetScale": r"pscale_(?:tkn|oauth|pw)_[\w=.-]{20,}",
    "Postman": r"PMAK-[a-f0-9]{20,}-[a-f0-9]{20,}",
    "Prefect": r"pn[ub]_[A-Za-z0-9]{30,}",
    "Pulumi": r"\bpul-[a-f0-9]{20,}",
    "PyPI": r"pypi-[\w-]{50,}",
    "ReadMe": r"\brdme_[a-z0-9]{30,}",
    "Replicate": r"\br8_[A-Za-z0-9]{20,}",
    "Resend": r"\bre_[A-Za-z0-9]{6,}_[A-Za-z0-9]{16,}",
    "RubyGems": r"rubygems_[a-f0-9]{32,}",
    "SendGrid": r"\bSG\.[\w-]{16,}\.[\w-]{20,}",
    "Sentry": r"sntry[sua]_[\w+/=.-]{20,}",
    "Shippo": r"shippo_(?:live|test)_[a-f0-9]{20,}",
    "Shopify": r"shp(?:at|ca|pa|ss|tka)_[A-Fa-f0-9]{20,}",
    "Slack": r"x(?:ox[abeoprs]|app|oxe\.xox[bp])-[\w-]{10,}",
    "Slack, webhook": r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{20,}",
    "SonarQube": r"\bsq[apu]_[a-f0-9]{30,}",
    "Square": r"(?:sq0[a-z]{3}-[\w-]{20,}|EAAA[\w-]{50,})",
    "Stripe and others that begin alike": r"\b[prs]k_[A-Za-z0-9_]{16,}",
    "Stripe, webhook": r"whsec_[\w+/=]{20,}",
    "Supabase": r"(?:sbp|sb_secret)_[\w-]{20,}",
    "Tailscale": r"tskey-[a-z]+-[\w-]{16,}",
    "Tavily": r"tvly-[\w-]{20,}",
    "Telegram, bot": r"\d{8,10}:AA[\w-]{32,}",
    "Tencent Cloud": r"AKID[A-Za-z0-9]{13,}",
    "Twilio": r"\bSK[a-f0-9]{32}",
    "Typeform": r"tfp_[\w-]{20,}",
    "Vercel": r"vc[apickr]_[A-Za-z0-9]{20,}|vercel_blob_rw_\w{20,}",
    "WakaTime": r"waka_[a-f0-9-]{30,}",
    "xAI": r"xai-[A-Za-z0-9]{20,}",
    "Yandex Cloud": r"\b(?:AQVN[\w-]{30,}|y[0-6]_[\w-]{30,}|YC[A-Z0-9][\w-]{36,})",
    "keys that begin with pk- or rk-": r"\b[pr]k-[A-Za-z0-9_-]{16,}",
}
"""Expressions of keys, by who issues them.

A prefix that ends no word is a key's wherever it stands, also behind a letter (`xghp_...`). Where one does (`task-` is
no `sk-`) its row begins with `\\b`, and an underscore before it counts as the end of a word (`mcp__sk-...`).
"""
