// Verifies a bundle with a public key, as Sigstore's own JavaScript client does: verify.mjs BUNDLE KEY HINT
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity } from "@sigstore/verify";

const [bundlePath, keyPath, hint] = process.argv.slice(2);
const key = createPublicKey(readFileSync(keyPath, "utf8"));
const trust = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: (asked) => {
    if (asked !== hint) throw new Error(`the bundle names another key: ${asked}`);
    return { publicKey: key, validFor: () => true };
  },
};
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 });
verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundlePath, "utf8")))));
