CREATE TABLE public.yivideo_events (
    workflow_id character varying(64) NOT NULL,
    number integer NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.yivideo_keys (
    key character varying(512) NOT NULL,
    fingerprint character varying(128) NOT NULL,
    workflow_id character varying(64) NOT NULL
);
CREATE TABLE public.yivideo_owner (
    id integer NOT NULL,
    token character varying(64) NOT NULL
);
CREATE TABLE public.yivideo_parts (
    workflow_id character varying(64) NOT NULL,
    kind character varying(16) NOT NULL,
    number integer NOT NULL,
    fingerprint character varying(64) NOT NULL,
    kept double precision NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE public.yivideo_version (
    version integer NOT NULL,
    database_id character varying(32) NOT NULL
);
CREATE TABLE public.yivideo_workflows (
    number bigint NOT NULL,
    turn bigint NOT NULL,
    workflow_id character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    priority integer NOT NULL,
    video text NOT NULL,
    owned_video boolean NOT NULL,
    chain text NOT NULL,
    parameters text NOT NULL,
    created double precision NOT NULL,
    started double precision,
    ended double precision,
    cancelling boolean NOT NULL,
    admissions integer NOT NULL,
    percent double precision NOT NULL,
    eta_s double precision,
    stages text NOT NULL,
    outputs text NOT NULL,
    warnings text NOT NULL,
    partial boolean NOT NULL,
    error text,
    events integer NOT NULL,
    callback_url text,
    callback_id character varying(64),
    callback_body bytea,
    callback_attempts integer NOT NULL,
    callback_next double precision
);
CREATE SEQUENCE public.yivideo_workflows_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.yivideo_workflows_number_seq OWNED BY public.yivideo_workflows.number;
ALTER TABLE ONLY public.yivideo_workflows ALTER COLUMN number SET DEFAULT nextval('public.yivideo_workflows_number_seq'::regclass);
INSERT INTO public.yivideo_events VALUES ('wf-ca41d12098ed787c', 1, '{"kind":"workflow_started","workflow_id":"wf-ca41d12098ed787c","video":"/videos/done.mp4","time":1.0,"stage":null,"done_s":0.0,"total_s":null,"frames":0,"message":"","data":{}}');
INSERT INTO public.yivideo_events VALUES ('wf-ca41d12098ed787c', 2, '{"kind":"stage_started","workflow_id":"wf-ca41d12098ed787c","video":"/videos/done.mp4","time":1.0,"stage":"ffmpeg.extract_keyframes","done_s":0.0,"total_s":null,"frames":0,"message":"","data":{}}');
INSERT INTO public.yivideo_events VALUES ('wf-ca41d12098ed787c', 3, '{"kind":"stage_finished","workflow_id":"wf-ca41d12098ed787c","video":"/videos/done.mp4","time":1.0,"stage":"ffmpeg.extract_keyframes","done_s":0.0,"total_s":null,"frames":0,"message":"","data":{}}');
INSERT INTO public.yivideo_events VALUES ('wf-ca41d12098ed787c', 4, '{"kind":"workflow_finished","workflow_id":"wf-ca41d12098ed787c","video":"/videos/done.mp4","time":1796051673.191114,"stage":null,"done_s":0.0,"total_s":null,"frames":0,"message":"No subtitles were found.","data":{"succeeded":true,"state":"SUCCESS"}}');
INSERT INTO public.yivideo_events VALUES ('wf-632d0d8b07c34844', 1, '{"kind":"workflow_started","workflow_id":"wf-632d0d8b07c34844","video":"/videos/running.mp4","time":2.0,"stage":null,"done_s":0.0,"total_s":null,"frames":0,"message":"","data":{}}');
INSERT INTO public.yivideo_events VALUES ('wf-632d0d8b07c34844', 2, '{"kind":"stage_started","workflow_id":"wf-632d0d8b07c34844","video":"/videos/running.mp4","time":2.0,"stage":"ffmpeg.extract_keyframes","done_s":0.0,"total_s":null,"frames":0,"message":"","data":{}}');
INSERT INTO public.yivideo_keys VALUES ('key-1', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'wf-632d0d8b07c34844');
INSERT INTO public.yivideo_keys VALUES ('key-2', '0000000000000000000000000000000000000000000000000000000000000000', 'wf-7abecbd20417bc45');
INSERT INTO public.yivideo_owner VALUES (1, '6a03d0e6b3e669c36b2ef4676fcf1f59');
INSERT INTO public.yivideo_parts VALUES ('wf-632d0d8b07c34844', 'area', 0, 'area-basis', 1796051673.4561725, '\x78017590c14ec33010447f05edd98a12b7153457c417549caa2a72936d63489cc8ded05491ff9d71045c8093d7ebf1ccdb5dc87836542e7436ae09541e1772a6672ae93c880c3d29147312cc3995b9a23b8ee209c55c50b9d1a983426ff2a8a8b38eab96edb5956ac4275d643b45fc611b76353c170aa61f3b468edeaaef4b75b3d256c2b3c0592b6a6c10eb6a595b90ee15f56c5c15eac1c324cff68f8a401d06074c2b0f756bdc15a6319ed2c31bd7c2cd3aca6ff42f707826ec3da07f9c4c7733f75049cb88f9934e6fe3093f82981487712e977ee46b06746f00fccef78bc7f6d6b75505c07f35ab914c10d3e1f5f9f9e57040aa75e384e519d82417a40d93a095d24641eb582404f67ef054baa9ebb0b0c91bb1691b3adbc5183f01d9789adb');
INSERT INTO public.yivideo_parts VALUES ('wf-632d0d8b07c34844', 'report', 3, 'chunk-basis', 1796051673.4583898, '\x78015550d16e83300cfc173f6755025465fc4a352193988d951194a41308f1efbd523a7579c99d635feebc50373899a8ca15b55d88a91e53a4ca684532b80779d760d6ff4a1047d5b92cf50778f0231acfcb86ea0e2fa42b438a1a1e4030d278e82e34e98dcdb84c89f264f05b06300364b95e1545cbbda0eb70044e1c5e5c8036bdecaeb217574728b4817f042e0a60863ffe14573f8b39ba630afe826918d952ec6a7fd18a52d1b7ef068c25bfa75d91eea99115f7e4215c4758627b916d398a82b0fdc21084a86ab98fa2c889f54e02f660c72bf6f0e035ece943aeff1fc8f2c0fd1ce5fe6ee4edb4de0075dc7925');
INSERT INTO public.yivideo_parts VALUES ('wf-632d0d8b07c34844', 'report', 4, 'chunk-basis', 1796051673.459695, '\x78015550ed6e83300c7c17ffceaaf05195e555aa0a99c46cac8ca0249d408877df95d2a9cb9fdcd9bed3d90b758393894ca9a8ed424cf59822994c2b92c13dc8bb06b3fe47823832e7aad217f0e0470c9e970dd51d3aa44d468a1a1e4020693c7c179af4c6667c5985f2949129728019202ff4aa285aee0553872370e2f09202b4e9654f95bfa43ac2a10dfc2d48510233f2f187b8fa592c301d53f057a81164db6277fb5badac147df96e802cf97ddb15db3d3d729cc5fa106e2322b1bdca761c4541d87e420423322df7511439b1de49c01dec78c31d1ebc463c7d28f4ff075b1eb89fa3dcfb99bc9dd65f775d7926');
INSERT INTO public.yivideo_parts VALUES ('wf-632d0d8b07c34844', 'texts', 0, 'text-basis', 1796051673.4608395, '\x7801658f510ac2301044af22f31d4aaa7ed85ca594d2a6db1a0849492b464aefe28fc7e86df41e2e0aa2f66bd89d9db74c3e4107df97a68182542904ac713440e513468a23afefcbf5715b36671f6cc3bef6ae350d394d5032c90e02b58f5013a2844a052e2c5b819842ed7862d9cf9c3a56e19fba86659ce3b84ce41b2013060e7da5a9aca9f5e1f592bdaeea3f0b77b2762ee6422090f69d33037119398bdf6adbaf6aabdbe209a2ca53f1');
INSERT INTO public.yivideo_version VALUES (1, '70d92633280fb3b3');
INSERT INTO public.yivideo_workflows VALUES (1, 1, 'wf-ca41d12098ed787c', 'SUCCESS', 10, '"/videos/done.mp4"', true, '["ffmpeg.extract_keyframes"]', '{}', 1796051673.175956, 1796051673.176175, 1796051673.191114, false, 1, 100, NULL, '[{"stage":"ffmpeg.extract_keyframes","status":"SUCCESS","input_params":{"samples":1},"output":{"frames":3},"error":null,"duration":0.5}]', '["/srv/yivideo/workflows/wf-ca41d12098ed787c/result.json"]', '["Mind the gap."]', false, NULL, 4, 'https://example.org/told', 'msg_5b1c111205c9b8e61531255d8d0eaf1b', '\x7b2274797065223a2022776f726b666c6f772e73756363657373222c202274696d657374616d70223a2022323032362d31312d33305431353a31343a33332e3139315a222c202264617461223a207b22776f726b666c6f775f6964223a202277662d63613431643132303938656437383763222c20227374617465223a202253554343455353222c2022766964656f5f70617468223a20222f766964656f732f646f6e652e6d7034222c20227061727469616c223a2066616c73652c20226f757470757473223a205b222f746d702f77663036686379346e722f776f726b666c6f77732f77662d636134316431323039386564373837632f726573756c742e6a736f6e225d2c20227761726e696e6773223a205b224d696e6420746865206761702e225d2c20226572726f72223a206e756c6c7d7d', 0, 1796051673.191114);
INSERT INTO public.yivideo_workflows VALUES (2, 2, 'wf-632d0d8b07c34844', 'IN_PROGRESS', 10, '"/videos/running.mp4"', false, '["ffmpeg.extract_keyframes"]', '{}', 1796051673.2035918, 1796051673.2103202, NULL, false, 0, 0, NULL, '[{"stage":"ffmpeg.extract_keyframes","status":"IN_PROGRESS","input_params":{"samples":1},"output":{},"error":null,"duration":null}]', '[]', '[]', false, NULL, 2, NULL, NULL, NULL, 0, NULL);
INSERT INTO public.yivideo_workflows VALUES (3, 3, 'wf-fc380b8eab3f6d2b', 'PENDING', 10, '"/videos/second.mp4"', false, '["ffmpeg.extract_keyframes","paddleocr.detect_subtitle_area"]', '{}', 1796051673.4313087, NULL, NULL, false, 0, 0, NULL, '[]', '[]', '[]', false, NULL, 0, NULL, NULL, NULL, 0, NULL);
INSERT INTO public.yivideo_workflows VALUES (4, 4, 'wf-7abecbd20417bc45', 'PENDING', 10, '"/videos/\udcff\u7535\u5f71.mp4"', false, '["ffmpeg.extract_keyframes","paddleocr.detect_subtitle_area"]', '{}', 1796051673.4351342, NULL, NULL, false, 0, 0, NULL, '[]', '[]', '[]', false, NULL, 0, NULL, NULL, NULL, 0, NULL);
SELECT pg_catalog.setval('public.yivideo_workflows_number_seq', 4, true);
ALTER TABLE ONLY public.yivideo_events
    ADD CONSTRAINT yivideo_events_pkey PRIMARY KEY (workflow_id, number);
ALTER TABLE ONLY public.yivideo_keys
    ADD CONSTRAINT yivideo_keys_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.yivideo_owner
    ADD CONSTRAINT yivideo_owner_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.yivideo_parts
    ADD CONSTRAINT yivideo_parts_pkey PRIMARY KEY (workflow_id, kind, number);
ALTER TABLE ONLY public.yivideo_version
    ADD CONSTRAINT yivideo_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.yivideo_workflows
    ADD CONSTRAINT yivideo_workflows_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.yivideo_workflows
    ADD CONSTRAINT yivideo_workflows_workflow_id_key UNIQUE (workflow_id);
CREATE INDEX yivideo_parts_by_age ON public.yivideo_parts USING btree (kept);
CREATE INDEX yivideo_workflows_by_callback ON public.yivideo_workflows USING btree (callback_next);
CREATE INDEX yivideo_workflows_by_state ON public.yivideo_workflows USING btree (state, priority, turn);
