/** What to do about a log that breaks the protocol; ends the messages of `log-corrupt` errors. */
export const repairAdvice =
  "Restore the log's files from a backup, or move the table away to start a new one";
