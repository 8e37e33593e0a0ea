

xPlaceholder
;
yDebugIdentityV3x*"

debug_urlsgrpc://127.0.0.1:1"Ã