import type { Words } from "./en.ts";

export const deWave: Words["wave"] = {
  kind: "Welle von Umschichtungen",
  portfolios: "Portfolios",
  lastEvent: "Letztes Ereignis",
  failed: (count) => `Gescheiterte Portfolios: ${count}. Für sie gibt es keinen Lauf.`,
  notices: {
    DRAFT: "Diese Welle ist noch nicht gestartet.",
    RUNNING: "Diese Welle läuft: Die Zahlen sind die dieses Augenblicks.",
    PAUSED: "Diese Welle ist angehalten: Es wird kein weiteres Portfolio begonnen.",
    CANCELLED: "Diese Welle wurde abgebrochen. Was schon berechnet war, bleibt bestehen.",
  },
  progress: "Fortschritt",
  ended: "Erledigt",
  endedOf: (ended, total) => `${ended} von ${total}`,
  share: "Anteil",
  rate: "Portfolios je Sekunde",
  timeLeft: "Verbleibende Zeit, geschätzt",
  seconds: (count) => `${count} s`,
  results: "Was sie ergibt",
  cash: "Liquidität aller Portfolios",
  currency: "Währung",
  fxBought: "Durch Wechsel gekauft",
  fxSold: "Durch Wechsel verkauft, geschätzt",
  beforeAfter: (before, after) => `vorher ${before}, nachher ${after}`,
  trades: "Grösste Aufträge",
  largest: "Aufgeführt sind die 50 grössten: alle Portfolios zusammen, nach Instrument und Seite.",
  failures: "Gescheiterte Portfolios",
  item: "Posten",
  attempts: "Versuche",
  moreFailures: (shown, all) =>
    `Aufgeführt sind ${shown} von ${all}; alle stehen in der Liste der Posten mit dem Status FAILED.`,
  unverified: "Eine Welle wird überprüft, sobald nichts mehr von ihr in Arbeit ist.",
  rounding:
    "Zahlen sind zum Lesen gerundet, bei der Mitte zur geraden Ziffer; die genauen stehen in der Welle, die der einzelnen Portfolios in ihrem Lauf.",
  madeBy: "Von Ballast aus dem erstellt, was von der Welle gespeichert ist.",
};
