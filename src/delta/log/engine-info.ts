/** What cdcdelta calls itself in the files it writes. */
export const productVersion = "0.1.0";

/** `commitInfo.engineInfo` of our commits. */
export const engineInfo = `cdcdelta/${productVersion}`;

/** `created_by` of our Parquet files, in the form that parquet-mr takes apart. */
export const createdBy = `cdcdelta version ${productVersion} (build 0)`;
