/**
 * What batches look like, for deflate to refer to: in a batch of one sighting nearly everything but names and numbers is
 * here. What comes most often stands last, where the distances are shortest. It is part of the form `DEFLATED`: changed by
 * one byte, nothing stored before could be read.
 */
export const PACKING_DICTIONARY: Buffer = Buffer.from(
  [
    '{"act":"unblock","source":"2001:db8::/64","atMs":17,"untilMs":17,"by":"root"}]}',
    '"urn:picket:event:acts":{"acts":[{"id":"019',
    '"urn:picket:event:unblock":{"unblocks":[{"source":"',
    '"urn:picket:event:status":{"agentVersion":"0.1.0","engine":"kernel","firewall":"nftables","mode":"enforce",',
    '"startedAtMs":17,"nowMs":17,"addresses":["192.168.1.1","10.0.0.1"],"localBlocks":0,"limiting":true,',
    '"probesLost":0,"spooled":0,"spoolLost":0,"blockList":{"version":1,"entries":1,"refused":{}}}',
    '"connect":1,"fin":1,"null":1,"xmas":1,"ack":1,"maimon":1,"udp":1,"sctp":[[80,80]],"ip":[[50,50]],"udp":[[53,53]]',
    '{"alg":"EdDSA","typ":"secevent+jwt","kid":"',
    '{"alg":"Ed25519","typ":"secevent+jwt","kid":"',
    '"}{"iss":"urn:picket:host:019","aud":"urn:picket:collector:019',
    '","net":"019","iat":179,"jti":"019',
    '","wireVersion":1,"events":{"urn:picket:event:sightings":{"sightings":[',
    '"evidence":"handshake","successes":1,"trip":{"atMs":179},"block":{"atMs":179,"untilMs":179,"tier":"held",',
    '"engine":"capture","backend":"log-only","enforced":false,"engine":"kernel","backend":"nftables","enforced":true,',
    '"droppedPackets":0}},',
    '{"id":"019a-7","rev":1,"source":"2001:db8:","address":"192.","techniques":{"syn":3},',
    '"ports":{"tcp":[[22,22],[23,23],[80,80],[443,443],[445,445],[3389,3389],[8080,8080]]},"portCount":1,',
    '"firstAtMs":179,"lastAtMs":179,"localAddress":"10.","evidence":"forgeable","successes":0}]}}}',
  ].join(''),
);
