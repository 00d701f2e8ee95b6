export interface Outcomes {
  count(outcome: string): void
  /** As Prometheus reads it. */
  text(): string
}

/** Counts checks by what became of them. */
export function countOutcomes(): Outcomes {
  // There before the first check, so that a rate can be told from the start.
  const counts = new Map([['accepted', 0]])
  return {
    count: (outcome) => void counts.set(outcome, (counts.get(outcome) ?? 0) + 1),
    text: () => {
      const lines = [...counts].map(
        ([outcome, n]) => `mintmark_guard_checks_total{outcome="${outcome}"} ${n}\n`,
      )
      return `# HELP mintmark_guard_checks_total Checks by outcome.\n# TYPE mintmark_guard_checks_total counter\n${lines.join('')}`
    },
  }
}
