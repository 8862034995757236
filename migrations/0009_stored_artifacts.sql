-- With DPM_ARTIFACT_STORE_MODE=PERSISTED the artifact of a run is made once, with the run, and kept byte for byte; null
-- where it is made when asked for. It is a document of the run like the others: append-only, and it goes with the run.
alter table run_payload add column artifact_text text;
