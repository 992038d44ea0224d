import { Buffer } from "node:buffer";

/** Bytes that other programs wrote, so that our own encoders do not only meet our own decoders. */

/** Decodes base64. */
function bytesOf(...parts: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(parts.join(""), "base64"));
}

/**
 * Record batches of kafka-clients 4.3.1 (`MemoryRecords.withRecords`) from offset 4294967294 on, three
 * records at 1700000000000 ms and the two after: key `{"id":"<i>"}`, value
 * `{"n":<i>,"text":"abcdefgh…"}` (null for the last), headers h = x and n = null.
 */
export const javaBatches: Readonly<Record<string, Uint8Array>> = {
  none: bytesOf(
    "AAAAAP////4AAAJ//////wJH3XZKAAAAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAA7IEAAAA",
    "FHsiaWQiOiIwIn2CBHsibiI6MCwidGV4dCI6ImFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVm",
    "Z2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdo",
    "YWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFi",
    "Y2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNk",
    "ZWZnaCJ9BAJoAngCbgGyBAACAhR7ImlkIjoiMSJ9ggR7Im4iOjEsInRleHQiOiJhYmNkZWZnaGFiY2RlZmdoYWJj",
    "ZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2Rl",
    "ZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZn",
    "aGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hhYmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2hh",
    "YmNkZWZnaGFiY2RlZmdoYWJjZGVmZ2gifQQCaAJ4Am4BLgAEBBR7ImlkIjoiMiJ9AQQCaAJ4Am4B",
  ),
  gzip: bytesOf(
    "AAAAAP////4AAACV/////wIKx9yAAAEAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAx+LCAAA",
    "AAAAAP/bxMLAwCBSrZSZomSlZKBU28RSrZSnZGWgo1SSWlECFEtMSk5JTUvPGCm0Ui0LUwZTBVMe4yYWBiYmWNAY",
    "woPGcDRoGPUYWFhgIWOkVMsIEwcAtqI9604CAAA=",
  ),
  snappy: bytesOf(
    "AAAAAP////4AAAC3/////wLHCJCvAAIAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAA4JTTkFQ",
    "UFkAAAAAAQAAAAEAAAByzgSgsgQAAAAUeyJpZCI6IjAifYIEeyJuIjowLCJ0ZXh0IjoiYWJjZGVmZ2j+CAD+CAD+",
    "CACeCAA4In0EAmgCeAJuAbIEAAICMRsAMTUbADH+GwH+GwH+GwHuGwEtGwwuAAQEMRosMiJ9AQQCaAJ4Am4B",
  ),
  lz4: bytesOf(
    "AAAAAP////4AAACe/////wLkodY0AAMAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAwQiTRhg",
    "QIJeAAAA/xqyBAAAABR7ImlkIjoiMCJ9ggR7Im4iOjAsInRleHQiOiJhYmNkZWZnaAgA1fQAIn0EAmgCeAJuAbIE",
    "AAICGwEVMRsBHzEbAfBELgAEBBoBwDIifQEEAmgCeAJuAQAAAAA=",
  ),
  zstd: bytesOf(
    "AAAAAP////4AAACU/////wJZ460QAAQAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAyi1L/0A",
    "WLwCAKLEEBmgtTn/PxrJcbr/k/WSWVWc19ZQtF6cOm0ZhdV11QWesHM4p03Hwuq6aviVICodRnH05lS7YNDZnwPw",
    "5ugJ8BdkpmMFAB2LIACgDjTrsYia8qiiBwEAAA==",
  ),
};

/** What `lz4Frames` hold. */
export const lz4Text: string = Array.from(
  { length: 60 },
  (_, i) => `line ${i % 37} abcdefgh abcdefgh\n`,
).join("");

/** Frames of the command `lz4` 1.9.4, by its options. */
export const lz4Frames: Readonly<Record<string, Uint8Array>> = {
  "-1": bytesOf(
    "BCJNGGRApy8BAAD1AGxpbmUgMCBhYmNkZWZnaAkAEQoZABUxEAAFCQACGQAVMhAABQkAAhkAFTMQAAUJAAIZABU0",
    "EAAFCQACGQAVNRAABQkAAhkAFTYQAAUJAAIZABU3EAAFCQACGQAVOBAABQkAAhkAFTkQAAUJAAIZAB8x+wAHD/wA",
    "Bh8x/QAGHzH+AAYfMf8ABh8xAAEGHzEBAQYfMQIBBh8xAwEGHzEEAQYfMgQBBh8yBAEGHzIEAQYfMgQBBh8yBAEG",
    "HzIEAQYfMgQBBh8yBAEGHzIEAQYfMgQBBh8zBAEGHzMEAQYfMwQBBh8zBAEGHzMEAQYfMwQBBh8zBAEGD7UABg+0",
    "AAYPswAHBRkDBQkAAiIDD7EABg+wAAYPrwAGD7IBBg+xAQYPsAEGD7gD/zZQZWZnaAoAAAAAGrKPXQ==",
  ),
  "-9 -BX --content-size": bytesOf(
    "BCJNGHxABAYAAAAAAAC50wAAAPUAbGluZSAwIGFiY2RlZmdoCQARChkAHzEZAAUfMhkABR8zGQAFHzQZAAUfNRkA",
    "BR82GQAFHzcZAAUfOBkABR854QAGD/sABw/8AAYfMf0ABh8x/gAGHzH/AAYfMQABBh8xAQEGHzECAQYfMQMBBh8x",
    "BAEGHzIEAQYfMgACBw8EAQYfMgQBBh8yBAEGHzIEAQYfMgQBBh8yBAEGHzIEAQYfMgQBBh8zBAEGHzMEAQYfMwUD",
    "Bw8EAQYfMwQBBh8zBAEGHzMEAQEPuAP//zZQZWZnaArzRILzAAAAABqyj10=",
  ),
};
