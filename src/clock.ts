/** Time is injected, so that tests never sleep: milliseconds since 1970 UTC. */
export type Clock = () => number;
