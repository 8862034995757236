import { html as css } from "@remix-run/html-template";
import { styleSheet } from "../../../platform/html/page.ts";
import { BASE_STYLE } from "../../../platform/html/style.ts";
import { CHARTS } from "./style/charts.ts";
import { FACTS } from "./style/facts.ts";
import { NARROW } from "./style/narrow.ts";
import { PRINTED } from "./style/print.ts";
import { TABLES } from "./style/tables.ts";
import { TEXT } from "./style/text.ts";

export const REPORT_STYLE = styleSheet(css`
  ${BASE_STYLE}${TEXT}${FACTS}${TABLES}${CHARTS}${NARROW}${PRINTED}
`);
