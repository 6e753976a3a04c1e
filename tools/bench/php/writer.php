<?php
// Write the bench's products as RSS with XMLWriter, a line of JSON at a time, as plug-ins of shops do.
// php writer.php products.jsonl out.xml "shop's title" link
[, $input, $output, $title, $link] = $argv;
const G = 'http://base.google.com/ns/1.0';
const SAME = [
    'product_type', 'brand', 'gtin', 'mpn', 'condition', 'age_group', 'gender', 'color', 'size', 'material', 'pattern',
];
$writer = new XMLWriter();
$writer->openUri($output);
$writer->startDocument('1.0', 'UTF-8');
$writer->startElement('rss');
$writer->writeAttribute('version', '2.0');
$writer->writeAttribute('xmlns:g', G);
$writer->startElement('channel');
foreach (['title' => $title, 'link' => $link, 'description' => $title] as $name => $text) {
    $writer->writeElement($name, $text);
}
$put = function (string $name, ?string $value) use ($writer): void {
    if ($value !== null) {
        $writer->writeElement("g:$name", $value);
    }
};
$money = fn (float $amount, string $currency): string => number_format($amount, 2, '.', '') . " $currency";
$lines = fopen($input, 'r');
for ($count = 1; ($line = fgets($lines)) !== false; $count++) {
    $product = json_decode($line, true);
    $writer->startElement('item');
    foreach (['id', 'title', 'description', 'link', 'image_link'] as $name) {
        $put($name, $product[$name]);
    }
    foreach (array_slice($product['additional_image_links'], 0, 10) as $image) {
        $put('additional_image_link', $image);
    }
    $put('mobile_link', $product['mobile_link']);
    $put('availability', $product['availability']);
    $put('price', $money($product['price'], $product['currency']));
    if ($product['sale_price'] !== null && $product['sale_price'] < $product['price']) {
        $put('sale_price', $money($product['sale_price'], $product['currency']));
    }
    $put('google_product_category', $product['google_category']);
    foreach (SAME as $name) {
        $put($name, $product[$name]);
    }
    $put('item_group_id', $product['group_id']);
    foreach (array_slice($product['custom_labels'], 0, 5) as $number => $label) {
        $put("custom_label_$number", $label);
    }
    $put('shipping_label', $product['attributes']['shipping_label'] ?? null);
    $writer->endElement();
    if ($count % 1000 === 0) {
        $writer->flush();
    }
}
$writer->endDocument();
$writer->flush();
$used = getrusage();
$cpu = $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec'] + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1e6;
$seconds = microtime(true) - $_SERVER['REQUEST_TIME_FLOAT'];
// Not ru_maxrss, which on Linux starts from what the parent had at the fork.
$own = preg_match('/VmHWM:\s+(\d+)/', (string) @file_get_contents('/proc/self/status'), $found) ? $found[1] : $used['ru_maxrss'];
echo json_encode(['seconds' => $seconds, 'cpu' => $cpu, 'mb' => $own / 1024]), "\n";
