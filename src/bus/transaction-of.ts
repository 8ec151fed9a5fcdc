/** The transaction that a hook's argument is about, its own or its connection's; undefined where there is none. */
export function transactionOf<T>(argument: object): T | undefined {
  const { transaction, connection } = argument as {
    readonly transaction?: T | null;
    readonly connection?: { readonly transaction?: T | null } | null;
  };
  return transaction ?? connection?.transaction ?? undefined;
}
