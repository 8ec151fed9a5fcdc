/** Calls back after `ms`; what it returns prevents that. */
export const afterTimeout = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};
