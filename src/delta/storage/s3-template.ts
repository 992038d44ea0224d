import type * as S3Sdk from "@aws-sdk/client-s3";
import type { NodeHttpHandler } from "@smithy/node-http-handler";

type Sdk = typeof S3Sdk;
type GetInput = S3Sdk.GetObjectCommandInput;
type Signed = Parameters<NodeHttpHandler["handle"]>[0];
type Request = Omit<Signed, "clone">;
/** An HTTP answer, its body not read yet. */
type Answer = Awaited<ReturnType<NodeHttpHandler["handle"]>>["response"];

/** What the SDK has made of a request just before it signs it. */
type Captured = {
  readonly request: Request;
  readonly sign: (request: Request) => Promise<Signed>;
};

/** The SDK's own way to send a GET, without what is the same for every one. */
export type GetTemplate = {
  /** The answer to a GET, whatever its status is. Errors: those of the connection. */
  readonly send: (
    input: GetInput,
    abortSignal: AbortSignal,
  ) => Promise<Answer>;
};

/** Headers of one request only. */
const ownHeaders = new Set(["range", "amz-sdk-invocation-id", "amz-sdk-request"]);

/** The SDK's module, a client made with it, and what it has shown. */
export type S3Connection = {
  readonly sdk: Sdk;
  readonly client: S3Sdk.S3Client;
  /** The client's own. */
  readonly handler: NodeHttpHandler;
  /** How GETs are sent, once the first one has shown it. */
  template: GetTemplate | null;
};

/** Of an answer to a GET what reading it needs. */
export type GetAnswer = { readonly Body?: unknown; readonly ContentLength?: number | undefined };

/**
 * Sends a GET. The first ones go through the SDK, which shows how: to which endpoint, with which
 * headers, signed by what. The next ones take the same way without the SDK's work in between, which
 * costs more than all the rest of a small GET. Whatever answer is not plainly the object, the SDK
 * judges as one of its own, so errors come out the same.
 */
export async function sendGet(
  connection: S3Connection,
  input: GetInput,
  abortSignal: AbortSignal,
): Promise<GetAnswer> {
  const { client, template } = connection;
  if (template === null) {
    return await client.send(capturingGet(connection, input), { abortSignal });
  }
  const answer = await template.send(input, abortSignal);
  // Whatever is not plainly the object, the SDK judges.
  if (answer.statusCode !== 200 && answer.statusCode !== 206) {
    return await client.send(answeredGet(connection, input, answer), { abortSignal });
  }
  const size = answer.headers["content-length"];
  return { Body: answer.body, ContentLength: size === undefined ? undefined : Number(size) };
}

/** A GET that sets the connection's template, where the SDK's request is understood. */
function capturingGet(connection: S3Connection, input: GetInput): S3Sdk.GetObjectCommand {
  const { sdk, handler } = connection;
  const get = new sdk.GetObjectCommand(input);
  get.middlewareStack.add(
    (next, context) => async (args) => {
      const scheme = context.__smithy_context?.selectedHttpAuthScheme;
      if (scheme !== undefined && isRequest(args.request)) {
        const { signer, identity, httpAuthOption: { signingProperties = {} } } = scheme;
        // The signer asks the client for the credentials of the moment.
        const sign = async (request: Request): Promise<Signed> => {
          const signed: unknown = await signer.sign(request, identity, signingProperties);
          if (!isSigned(signed)) throw new Error("the signer has made no request");
          return signed;
        };
        connection.template = templateOf({ request: args.request, sign }, input, handler);
      }
      return await next(args);
    },
    { step: "build", priority: "low", name: "cdcdeltaTemplate" },
  );
  return get;
}

/** A GET that has its answer already. */
function answeredGet(
  { sdk }: { readonly sdk: Sdk },
  input: GetInput,
  response: Answer,
): S3Sdk.GetObjectCommand {
  const get = new sdk.GetObjectCommand(input);
  get.middlewareStack.add(
    () => () => Promise.resolve({ response, output: undefined as never }),
    { step: "deserialize", priority: "low", name: "cdcdeltaAnswer" },
  );
  return get;
}

function templateOf(
  { request, sign }: Captured,
  { Key = "" }: GetInput,
  handler: NodeHttpHandler,
): GetTemplate | null {
  const end = `/${encodedKey(Key)}`;
  if (request.method !== "GET" || !request.path.endsWith(end)) return null;
  const root = request.path.slice(0, -end.length);
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !ownHeaders.has(name.toLowerCase())),
  );
  return {
    async send({ Key: key = "", Range: range }, abortSignal) {
      const signed = await sign({
        ...request,
        path: `${root}/${encodedKey(key)}`,
        headers: range === undefined ? { ...headers } : { ...headers, range },
      });
      return (await handler.handle(signed, { abortSignal })).response;
    },
  };
}

/** As the SDK escapes a key in a path. */
function encodedKey(key: string): string {
  return encodeURIComponent(key).replaceAll("%2F", "/").replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function isRequest(value: unknown): value is Request {
  return typeof value === "object" && value !== null && "hostname" in value && "path" in value;
}

function isSigned(value: unknown): value is Signed {
  return isRequest(value) && "clone" in value;
}
