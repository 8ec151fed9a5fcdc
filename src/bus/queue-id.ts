/** The queue ID of the message that a hook's argument is about; null where there is none. */
export function queueIdOf(argument: object): string | null {
  const { transaction, connection, queueId } = argument as {
    readonly transaction?: { readonly queueId?: unknown } | null;
    readonly connection?: { readonly transaction?: { readonly queueId?: unknown } | null } | null;
    readonly queueId?: unknown;
  };
  const found = queueId ?? (transaction ?? connection?.transaction)?.queueId;
  return typeof found === 'string' ? found : null;
}
