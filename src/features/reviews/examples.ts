/** An action of a reviewer, for the documentation. */
export const ACTION_EXAMPLE = {
  action: "APPROVE",
  reason_code: "LIMITS_CHECKED",
  comment: "Within the mandate's limits.",
  actor_id: "officer_17",
};
