declare const PICKET_VERSION: string | undefined;

/** Version of this agent, put in when it is bundled; `0.0.0-source` when it runs from its sources. */
export const AGENT_VERSION = typeof PICKET_VERSION === 'string' ? PICKET_VERSION : '0.0.0-source';
