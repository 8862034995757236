/** The bounds on sums, each Σ sign·w ≤ bound over its members, and for each instrument the rows it is in. */
export type ProjectionRows = {
  readonly members: readonly (readonly number[])[];
  readonly signs: readonly (1 | -1)[];
  readonly rowsOf: readonly (readonly number[])[];
};

/** Where an instrument's weight stands: between its bounds or at one of them. */
export type Place = "FREE" | "AT_ZERO" | "AT_UPPER";

/** A guess at which bounds hold with equality at the solution. */
export type ActiveSet = { readonly places: readonly Place[]; readonly rows: readonly number[] };
